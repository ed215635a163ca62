const DURATION_UNITS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
const SIZE_UNITS = { GiB: 2 ** 30, MiB: 2 ** 20, KiB: 2 ** 10, B: 1 } as const;

/** Milliseconds, or undefined where the text is not a whole number and one of ms, s, m, h, d. */
export function parseDuration(text: string): number | undefined {
  return parse(text, /^(\d+) ?(ms|s|m|h|d)$/, DURATION_UNITS);
}

/** Bytes, or undefined where the text is not a whole number alone or with one of B, KiB, MiB, GiB. */
export function parseSize(text: string): number | undefined {
  return parse(/^\d+$/.test(text) ? `${text}B` : text, /^(\d+) ?(B|KiB|MiB|GiB)$/, SIZE_UNITS);
}

/** The text that `parseDuration` reads back as the same number, in the largest unit that is exact. */
export function formatDuration(milliseconds: number): string {
  return milliseconds === 0 ? '0s' : format(milliseconds, DURATION_UNITS);
}

/** The text that `parseSize` reads back as the same number, in the largest unit that is exact. */
export function formatSize(bytes: number): string {
  return bytes === 0 ? '0B' : format(bytes, SIZE_UNITS);
}

function parse<U extends string>(
  text: string,
  shape: RegExp,
  units: Readonly<Record<U, number>>,
): number | undefined {
  const [, digits, unit] = shape.exec(text) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  const value = Number(digits) * units[unit as U];
  return Number.isSafeInteger(value) ? value : undefined;
}

function format(value: number, units: Readonly<Record<string, number>>): string {
  const [unit, factor] = Object.entries(units).find(([, size]) => value % size === 0) ?? ['', 1];
  return `${value / factor}${unit}`;
}
