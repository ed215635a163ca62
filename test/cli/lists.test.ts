import assert from 'node:assert/strict';
import type { CommandContext } from '../../src/cli/command-context.js';
import { printList, type ListOptions, type Paging } from '../../src/cli/lists.js';

interface Printed {
  readonly texts: readonly string[];
  readonly asked: readonly Paging[];
}

const COLUMNS = { heading: ['name', 'size'], row: (item: string) => [item, String(item.length)] };

/** Prints pages; each is written before the next is asked for. */
async function printed(
  pages: readonly (readonly string[])[],
  options: Partial<ListOptions> = {},
): Promise<Printed> {
  const texts: string[] = [];
  const asked: Paging[] = [];
  let flushed = 0;
  const context = {
    out: (text: string) => void texts.push(text),
    flushed: async () => void (flushed += 1),
  } as unknown as CommandContext;
  await printList(context, { json: false, ...options }, COLUMNS, async (paging) => {
    assert.equal(flushed, asked.length);
    const items = pages[asked.length] ?? [];
    asked.push(paging);
    return { items, ...(asked.length < pages.length && { next: `after ${asked.length}` }) };
  });
  return { texts, asked };
}

describe('cli/lists', () => {
  it('prints page by page, in the columns of the first', async () => {
    const { texts, asked } = await printed([['aaaa', 'b'], ['cc', 'dddddd'], []]);
    assert.deepEqual(texts, ['name  size\naaaa  4\nb     1\n', 'cc    2\ndddddd  6\n', '']);
    assert.deepEqual(asked, [
      { limit: 1000 },
      { limit: 1000, after: 'after 1' },
      { limit: 1000, after: 'after 2' },
    ]);
  });

  it('prints one array with --json, also of empty pages', async () => {
    for (const [pages, json] of [
      [[['a', 'b'], ['c']], '["a","b","c"]\n'],
      [[[], ['c'], []], '["c"]\n'],
      [[[]], '[]\n'],
    ] as const)
      assert.equal((await printed(pages, { json: true })).texts.join(''), json);
  });

  it('ends at the limit, and asks for no more', async () => {
    const { texts, asked } = await printed([['a', 'b'], ['c', 'd'], ['e']], { limit: 3 });
    assert.equal(texts.join(''), 'name  size\na     1\nb     1\nc     1\n');
    assert.deepEqual(
      asked.map(({ limit }) => limit),
      [3, 1],
    );
  });

  it('lets nothing from elsewhere steer the terminal', async () => {
    assert.match((await printed([['a\x1b[2J\n']])).texts.join(''), /\na\?\[2J\? +6\n$/);
  });
});
