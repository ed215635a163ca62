import type { Answer } from './answer.js';

/** One row of a JSON listing: an object, or with a delimiter what several names begin with. */
export type Row = Readonly<Record<string, unknown>> &
  ({ readonly name: string; readonly subdir?: undefined } | { readonly subdir: string });

/** The names that a listing shows otherwise than they are: with this row, or not at all. */
export type HeldNames = ReadonlyMap<string, Row | undefined>;

/** What Swift lists where the client names no limit. */
const DEFAULT_LIMIT = 10_000;

/** The listing of one container, as the real server gives it. */
export class ContainerListing {
  constructor(private readonly ask: (query: URLSearchParams) => Promise<Answer>) {}

  /** Tells whether, and as which row, an object is listed; undefined where this client may not or cannot know. */
  async find(name: string): Promise<{ readonly row: Row | undefined } | undefined> {
    const query = new URLSearchParams({ format: 'json', prefix: name, limit: '1' });
    const { status, body } = await this.ask(query);
    if (status !== 200) return undefined;
    const [row] = JSON.parse(body.toString()) as Row[];
    return { row: row?.name === name ? row : undefined };
  }

  /** What `query` lists, with the held names shown as they are held; a page is as full as a real one. */
  async rows(query: URLSearchParams, held: HeldNames): Promise<Row[]> {
    const limit = query.has('limit') ? Number(query.get('limit')) : DEFAULT_LIMIT;
    const ghosts = ghostsOf(query, held);
    const rows: Row[] = [];
    for await (const page of this.pages(query)) {
      const last = page.at(-1);
      const shown = new Map<string, Row>();
      for (const row of page) if (await this.isShown(row, held)) shown.set(keyOf(row), row);
      for (const [key, row] of ghosts) {
        if (last !== undefined && byBytes(key, keyOf(last)) > 0) continue;
        shown.set(key, row);
        ghosts.delete(key);
      }
      rows.push(...[...shown.values()].sort((a, b) => byBytes(keyOf(a), keyOf(b))));
      if (rows.length >= limit) break;
    }
    return rows.slice(0, limit);
  }

  /** Page after page from the query's marker on; the last is empty. */
  private async *pages(query: URLSearchParams): AsyncGenerator<Row[], void> {
    const next = new URLSearchParams(query);
    for (;;) {
      const page = await this.page(next);
      yield page;
      const last = page.at(-1);
      if (last === undefined) return;
      next.set('marker', keyOf(last));
    }
  }

  private async page(query: URLSearchParams): Promise<Row[]> {
    const { status, body } = await this.ask(query);
    if (status !== 200) throw new Error(`a listing behind the proxy answered ${status}`);
    return JSON.parse(body.toString()) as Row[];
  }

  /** A subdirectory is shown for the sake of names that are not held. */
  private async isShown(row: Row, held: HeldNames): Promise<boolean> {
    if (row.subdir === undefined) return !held.has(row.name);
    const { subdir } = row;
    if (![...held.keys()].some((name) => name.startsWith(subdir))) return true;
    for await (const page of this.pages(new URLSearchParams({ format: 'json', prefix: subdir }))) {
      if (page.some(({ name }) => typeof name === 'string' && !held.has(name))) return true;
    }
    return false;
  }
}

/** The rows that held names have in this listing, by their keys. */
function ghostsOf(query: URLSearchParams, held: HeldNames): Map<string, Row> {
  const [prefix, delimiter, marker, end] = ['prefix', 'delimiter', 'marker', 'end_marker'].map(
    (name) => query.get(name) ?? '',
  ) as [string, string, string, string];
  const ghosts = new Map<string, Row>();
  for (const [name, row] of held) {
    if (row === undefined || !name.startsWith(prefix) || byBytes(name, marker) <= 0) continue;
    if (end !== '' && byBytes(name, end) >= 0) continue;
    const at = delimiter === '' ? -1 : name.indexOf(delimiter, prefix.length);
    const shown = at < 0 ? row : { subdir: name.slice(0, at + delimiter.length) };
    if (keyOf(shown) !== marker) ghosts.set(keyOf(shown), shown);
  }
  return ghosts;
}

function keyOf(row: Row): string {
  return row.subdir ?? row.name;
}

/** Swift's order. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
