/** Headers as node:http gives them: name, value, name, value, in the order and case of the wire. */
export type RawHeaders = readonly string[];

/** The value of the first header of this name, whatever its case. */
export function headerOf(headers: RawHeaders, name: string): string | undefined {
  const at = positionOf(headers, name);
  return at < 0 ? undefined : headers[at + 1];
}

/** The same headers with exactly one of this name, at the place of the first that was there. */
export function withHeader(headers: RawHeaders, name: string, value: string): RawHeaders {
  const at = positionOf(headers, name);
  if (at < 0) return [...headers, name, value];
  return [...headers.slice(0, at + 1), value, ...withoutHeaders(headers.slice(at + 2), [name])];
}

export function withoutHeaders(headers: RawHeaders, names: readonly string[]): RawHeaders {
  return pairsOf(headers)
    .filter(([name]) => !names.includes(name.toLowerCase()))
    .flat();
}

export function pairsOf(headers: RawHeaders): [name: string, value: string][] {
  return Array.from({ length: headers.length / 2 }, (_, i) => [
    headers[2 * i] ?? '',
    headers[2 * i + 1] ?? '',
  ]);
}

function positionOf(headers: RawHeaders, name: string): number {
  return headers.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === name.toLowerCase());
}
