import type { IncomingHttpHeaders } from 'node:http';

/** The first of that name: undici gives repeated lines as a list, also of headers that may stand once only. */
export function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  return linesOf(headers, name)[0];
}

/** All lines of that name, in their order. */
export function linesOf(headers: IncomingHttpHeaders, name: string): readonly string[] {
  return [headers[name] ?? []].flat();
}
