import assert from 'node:assert/strict';
import { columnWidths, grid, jsonText, table } from '../../src/cli/output.js';

describe('cli/output', () => {
  it('writes lists that are longer than a call may have arguments', () => {
    const rows = Array.from({ length: 300_000 }, (_, at) => [`${at}`, 'x'] as const);
    assert.ok(table(rows).startsWith('0       x\n'));
    assert.ok(grid(['step', 'what'], rows).startsWith('step    what\n'));
    assert.deepEqual(columnWidths(rows), [6, 1]);
    assert.deepEqual([table([]), columnWidths([])], ['', []]);
  });

  it('escapes in JSON what could steer a terminal, and nothing else', () => {
    const value = { 'a\u009b': 'b\u202ec\u007f\u{e0001}\u2028é"\n\u{1f600}' };
    const text = jsonText(value);
    assert.equal(text, '{"a\\u009b":"b\\u202ec\\u007f\\udb40\\udc01\\u2028é\\"\\n\u{1f600}"}');
    assert.deepEqual(JSON.parse(text), value);
  });
});
