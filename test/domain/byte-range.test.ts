import assert from 'node:assert/strict';
import { parseContentRange, parseRange } from '../../src/domain/byte-range.js';
import type { RangeRequest } from '../../src/domain/byte-range.js';
import { InvalidValue } from '../../src/domain/invalid-value.js';

describe('domain/byte-range', () => {
  const ranges: readonly (readonly [string | undefined, number, RangeRequest])[] = [
    [undefined, 10, 'whole'],
    ['', 10, 'whole'],
    ['items=0-1', 10, 'whole'],
    ['bytes=0-1,3-4', 10, 'whole'],
    ['bytes=0-0', 10, { start: 0, end: 0 }],
    ['bytes=0-9', 10, { start: 0, end: 9 }],
    ['bytes=9-9', 10, { start: 9, end: 9 }],
    ['bytes=3-', 10, { start: 3, end: 9 }],
    ['bytes=3-99', 10, { start: 3, end: 9 }],
    ['bytes=-3', 10, { start: 7, end: 9 }],
    ['bytes=-10', 10, { start: 0, end: 9 }],
    ['bytes=-11', 10, { start: 0, end: 9 }],
    ['BYTES=1-2', 10, { start: 1, end: 2 }],
    [`bytes=0-${'9'.repeat(400)}`, 10, { start: 0, end: 9 }],
    [`bytes=-${'9'.repeat(400)}`, 10, { start: 0, end: 9 }],
    [`bytes=${'9'.repeat(400)}-`, 10, 'unsatisfiable'],
    ['bytes=10-', 10, 'unsatisfiable'],
    ['bytes=10-10', 10, 'unsatisfiable'],
    ['bytes=5-4', 10, 'unsatisfiable'],
    ['bytes=-0', 10, 'unsatisfiable'],
    ['bytes=-', 10, 'unsatisfiable'],
    ['bytes=', 10, 'unsatisfiable'],
    ['bytes=1', 10, 'unsatisfiable'],
    ['bytes=1-2-3', 10, 'unsatisfiable'],
    ['bytes=0x1-2', 10, 'unsatisfiable'],
    ['bytes=-1-2', 10, 'unsatisfiable'],
    ['bytes=0-', 0, 'unsatisfiable'],
    ['bytes=0-0', 0, 'unsatisfiable'],
    ['bytes=-1', 0, 'unsatisfiable'],
  ];
  for (const [header, size, expected] of ranges) {
    it(`${header?.slice(0, 30) ?? 'no header'} of ${size} bytes is ${JSON.stringify(expected)}`, () => {
      assert.deepEqual(parseRange(header, size), expected);
    });
  }

  it('a Content-Range of a chunk is two offsets, both inclusive', () => {
    assert.deepEqual(parseContentRange('0-0'), { start: 0, end: 0 });
    assert.deepEqual(parseContentRange('10-199'), { start: 10, end: 199 });
    assert.deepEqual(parseContentRange(`0-${Number.MAX_SAFE_INTEGER}`), {
      start: 0,
      end: Number.MAX_SAFE_INTEGER,
    });
  });

  const malformed = [
    '',
    '-',
    '1-',
    '-1',
    '2-1',
    '0-1/2',
    'bytes 0-1',
    'bytes=0-1',
    '0 - 1',
    '+0-1',
    '0-1\n',
    '0-1e3',
  ];
  for (const header of [...malformed, `0-${'9'.repeat(30)}`, `${'9'.repeat(30)}-${'9'.repeat(31)}`]) {
    it(`${JSON.stringify(header)} is no Content-Range of a chunk`, () => {
      assert.throws(
        () => parseContentRange(header),
        (error) => error instanceof InvalidValue && error.kind === 'content-range',
      );
    });
  }
});
