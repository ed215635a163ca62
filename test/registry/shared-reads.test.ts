import assert from 'node:assert/strict';
import { SharedReads } from '../../src/registry/shared-reads.js';

/** Reads that end when they are told. */
class Source {
  readonly begun: ((value: string) => void)[] = [];
  readonly failed: ((error: Error) => void)[] = [];

  readonly read = (): Promise<string> =>
    new Promise((resolve, reject) => {
      this.begun.push(resolve);
      this.failed.push(reject);
    });
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('registry/shared-reads', () => {
  it('whoever comes while a read runs gets one that began later, shared by all who wait', async () => {
    const reads = new SharedReads<string>();
    const source = new Source();
    const first = reads.get('k', source.read);
    const second = reads.get('k', source.read);
    const third = reads.get('k', source.read);
    assert.equal(source.begun.length, 1);
    source.begun[0]?.('old');
    assert.equal(await first, 'old');
    await settled();
    assert.equal(source.begun.length, 2);
    const fourth = reads.get('k', source.read);
    source.begun[1]?.('new');
    assert.deepEqual(await Promise.all([second, third]), ['new', 'new']);
    await settled();
    assert.equal(source.begun.length, 3);
    source.begun[2]?.('newest');
    assert.equal(await fourth, 'newest');
  });

  it('keys do not wait for each other, and nothing is remembered', async () => {
    const reads = new SharedReads<string>();
    const source = new Source();
    const both = [reads.get('a', source.read), reads.get('b', source.read)];
    assert.equal(source.begun.length, 2);
    for (const end of source.begun) end('x');
    await Promise.all(both);
    await settled();
    void reads.get('a', source.read);
    assert.equal(source.begun.length, 3);
  });

  it('a failed read fails those who share it, not those who wait', async () => {
    const reads = new SharedReads<string>();
    const source = new Source();
    const first = reads.get('k', source.read);
    const second = reads.get('k', source.read);
    source.failed[0]?.(new Error('away'));
    await assert.rejects(first, /away/);
    await settled();
    source.begun[1]?.('back');
    assert.equal(await second, 'back');
  });
});
