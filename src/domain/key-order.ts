const ABOVE_PLAIN = /[\ud800-\uffff]/;

/**
 * Order of UTF-8 bytes: the order of every listing. It differs from that of UTF-16 code units only where a
 * surrogate pair (U+10000 and above) meets U+E000..U+FFFF.
 */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) return weight(left) - weight(right);
  }
  return a.length - b.length;
}

/** Sorts in place, in order of UTF-8 bytes. */
export function sortKeys(keys: string[]): string[] {
  return keys.some((key) => ABOVE_PLAIN.test(key)) ? keys.sort(compareKeys) : keys.sort();
}

/** Moves the surrogates above all other code units. */
function weight(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
