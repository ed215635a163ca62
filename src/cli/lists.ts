import type { CommandContext, ResultOptions } from './command-context.js';
import { aligned, columnWidths, jsonText, printable } from './output.js';

export interface ListOptions extends ResultOptions {
  readonly limit?: number;
}

export interface Paging {
  readonly limit?: number;
  readonly after?: string;
}

export interface ListedPage<T> {
  readonly items: readonly T[];
  readonly next?: string | undefined;
}

interface Table<T> {
  readonly heading: readonly string[];
  readonly row: (item: T) => readonly string[];
}

const MOST_PER_PAGE = 1000;

/**
 * Prints a list page by page, as fast as it is read: with --json one array, else a table whose columns are as wide as
 * the first page needs.
 */
export async function printList<T>(
  context: CommandContext,
  options: ListOptions,
  { heading, row }: Table<T>,
  ask: (paging: Paging) => Promise<ListedPage<T>>,
): Promise<void> {
  let printed = 0;
  let widths: readonly number[] | undefined;
  if (options.json) context.out('[');
  for await (const items of pagesOf(ask, options.limit)) {
    if (options.json) {
      const texts = items.map(jsonText);
      if (texts.length > 0) context.out(`${printed > 0 ? ',' : ''}${texts.join(',')}`);
    } else {
      const lines = items.map((item) => row(item).map(printable));
      if (widths === undefined) lines.unshift([...heading]);
      widths ??= columnWidths(lines);
      const known = widths;
      context.out(lines.map((line) => aligned(line, known)).join(''));
    }
    printed += items.length;
    await context.flushed();
  }
  if (options.json) context.out(']\n');
}

/** At least one page, and at most `most` items. */
async function* pagesOf<T>(
  ask: (paging: Paging) => Promise<ListedPage<T>>,
  most = Number.MAX_SAFE_INTEGER,
): AsyncGenerator<readonly T[]> {
  let left = most;
  let after: string | undefined;
  do {
    const { items, next } = await ask({
      limit: Math.min(left, MOST_PER_PAGE),
      ...(after !== undefined && { after }),
    });
    yield items.slice(0, left);
    left -= items.length;
    after = next;
  } while (after !== undefined && left > 0);
}
