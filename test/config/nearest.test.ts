import assert from 'node:assert/strict';
import { editDistance, nearest } from '../../src/config/nearest.js';

describe('config/nearest', () => {
  it('counts insertions, removals, exchanges and swaps of neighbours', () => {
    const pairs: [string, string, number][] = [
      ['', '', 0],
      ['', 'abc', 3],
      ['abc', '', 3],
      ['port', 'prot', 1],
      ['port', 'ports', 1],
      ['port', 'part', 1],
      ['kitten', 'sitting', 3],
    ];
    for (const [from, to, distance] of pairs) assert.equal(editDistance(from, to), distance, `${from} ${to}`);
  });

  it('finds a misspelt key, a key in the wrong section, and another way of writing', () => {
    const keys = ['server.port', 'server.host', 'storage.filesystem.root', 'auth.allowOpen'];
    assert.equal(nearest('server.prot', keys), 'server.port');
    assert.equal(nearest('rooot', keys), 'storage.filesystem.root');
    assert.equal(nearest('storage.root', keys), 'storage.filesystem.root');
    assert.equal(nearest('auth.allow_open', keys), 'auth.allowOpen');
  });
});
