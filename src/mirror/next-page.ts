/**
 * The path of the next page of a list, with the query of its Link (RFC 8288) upon our own path: nothing else of it is
 * followed. Undefined where there is none.
 */
export function nextPath(link: string | undefined, path: string): string | undefined {
  const [, target] = /<([^>]*)>\s*;[^,]*\brel\s*=\s*"?next"?/i.exec(link ?? '') ?? [];
  const queryAt = target?.indexOf('?') ?? -1;
  return target === undefined || queryAt < 0 ? undefined : `${path}${target.slice(queryAt)}`;
}
