/** Whether the text is of a shape in which `*` stands for any text, in steps of at most the product of their lengths. */
export function matchesGlob(shape: string, text: string): boolean {
  return matchesShape(
    [...shape],
    [...text],
    (part) => part === '*',
    (part, character) => part === character,
  );
}

/**
 * Whether the items are of a shape some of whose parts stand for any number of items. Only the last of such parts is
 * ever tried again, for what an earlier one could take more a later one can take as well.
 */
export function matchesShape<P, I>(
  shape: readonly P[],
  items: readonly I[],
  isAny: (part: P) => boolean,
  fits: (part: P, item: I) => boolean,
): boolean {
  let at = 0;
  let any = -1;
  let retry = 0;
  let next = 0;
  while (next < items.length) {
    const part = shape[at];
    const item = items[next] as I;
    if (part !== undefined && isAny(part)) {
      any = at;
      retry = next;
      at += 1;
    } else if (part !== undefined && fits(part, item)) {
      at += 1;
      next += 1;
    } else if (any >= 0) {
      at = any + 1;
      retry += 1;
      next = retry;
    } else return false;
  }
  return shape.slice(at).every(isAny);
}
