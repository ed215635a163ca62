import { InvalidValue } from './invalid-value.js';

/** One page of a list; `next` is the item after which the next page starts, absent on the last page. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

/** `last` is exclusive and need not exist. */
export interface PageRequest {
  readonly limit: number;
  readonly last?: string;
}

/** The `n` parameter of a list. @throws InvalidValue unless it is a whole number ≥ 0. */
export function parsePageSize(text: string): number {
  const n = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(n)) {
    throw new InvalidValue('page-size', 'n is a whole number of at least 0');
  }
  return n;
}

/** By UTF-16 code unit, which is by byte for the ASCII names of a registry. */
export function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Cuts one page out of items that are sorted by `order`. */
export function pageOf(
  items: readonly string[],
  request: PageRequest,
  order: (a: string, b: string) => number = byCodeUnit,
): Page<string> {
  const { last, limit } = request;
  const from = last === undefined ? 0 : firstAfter(items, last, order);
  const cut = items.slice(from, from + limit);
  const next = cut.at(-1);
  return from + cut.length < items.length && next !== undefined ? { items: cut, next } : { items: cut };
}

function firstAfter(items: readonly string[], last: string, order: (a: string, b: string) => number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (order(items[middle] ?? '', last) > 0) high = middle;
    else low = middle + 1;
  }
  return low;
}
