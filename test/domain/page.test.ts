import assert from 'node:assert/strict';
import { InvalidValue } from '../../src/domain/invalid-value.js';
import { byCodeUnit, pageOf, parsePageSize } from '../../src/domain/page.js';

const ITEMS = ['b', 'd', 'f', 'h'];

describe('domain/page', () => {
  it('n is a whole number of at least 0', () => {
    assert.deepEqual(['0', '1', '007', '9007199254740991'].map(parsePageSize), [
      0,
      1,
      7,
      Number.MAX_SAFE_INTEGER,
    ]);
    for (const text of ['', ' 1', '-1', '+1', '1.0', '1e3', '0x1', 'a', '9007199254740993', '٣']) {
      assert.throws(
        () => parsePageSize(text),
        (error) => error instanceof InvalidValue && error.kind === 'page-size',
      );
    }
  });

  const pages: readonly (readonly [number, string | undefined, readonly string[], string?])[] = [
    [10, undefined, ITEMS],
    [4, undefined, ITEMS],
    [3, undefined, ['b', 'd', 'f'], 'f'],
    [1, undefined, ['b'], 'b'],
    [2, 'b', ['d', 'f'], 'f'],
    [2, 'c', ['d', 'f'], 'f'],
    [2, 'd', ['f', 'h']],
    [2, 'a', ['b', 'd'], 'd'],
    [2, 'h', []],
    [2, 'z', []],
    [0, undefined, []],
  ];
  for (const [limit, last, items, next] of pages) {
    it(`${limit} after ${last ?? 'nothing'}: ${items.join('')}${next === undefined ? ' and no more' : ''}`, () => {
      const page = pageOf(ITEMS, { limit, ...(last !== undefined && { last }) });
      assert.deepEqual(page, next === undefined ? { items } : { items, next });
    });
  }

  it('pages one after another are the whole, whatever their size and order', () => {
    const items = Array.from({ length: 100 }, (_, i) => `t${i}`)
      .sort(byCodeUnit)
      .reverse();
    const backwards = (a: string, b: string): number => byCodeUnit(b, a);
    for (const limit of [1, 7, 99, 100, 101]) {
      const seen: string[] = [];
      let last: string | undefined;
      do {
        const page = pageOf(items, { limit, ...(last !== undefined && { last }) }, backwards);
        seen.push(...page.items);
        last = page.next;
      } while (last !== undefined);
      assert.deepEqual(seen, items);
    }
  });
});
