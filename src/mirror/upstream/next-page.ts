/** What of a query pages are asked for by (distribution-spec "Listing Tags"). */
const PAGE_PARAMETERS = ['n', 'last'];

/**
 * The path of the next page of a list, with `n` and `last` of its Link (RFC 8288) upon our own path: nothing else of it is
 * followed. Undefined where there is none.
 */
export function nextPath(link: string | undefined, path: string): string | undefined {
  const target = nextTarget(link ?? '');
  if (target === undefined) return undefined;
  const given = new URLSearchParams(/\?([^#]*)/.exec(target)?.[1]);
  const query = new URLSearchParams();
  for (const name of PAGE_PARAMETERS) {
    const value = given.get(name);
    if (value !== null) query.set(name, value);
  }
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

function nextTarget(link: string): string | undefined {
  for (const each of link.split(/,(?=\s*<)/)) {
    const [, target, parameters = ''] = /^\s*<([^>]*)>(.*)$/s.exec(each) ?? [];
    const isNext = parameters.split(';').some((parameter) => /^\s*rel\s*=\s*"?next"?\s*$/i.test(parameter));
    if (target !== undefined && isNext) return target;
  }
  return undefined;
}
