import assert from 'node:assert/strict';
import type { Segment } from '../../src/ports/storage-driver.js';
import { bytesOf, chunked, collect } from './bodies.js';
import { outcomes, rejectsWith, type Subject } from './subject.js';

const MIB = 1024 * 1024;

export function segmentCommitCases(subject: () => Subject): void {
  const append = (
    set: string,
    recorded: readonly Segment[],
    bytes: Uint8Array,
  ): Promise<readonly Segment[]> => subject().driver.segments.append(set, recorded, chunked(bytes));

  it('makes the segments one object', async () => {
    const set = subject().set();
    const bytes = bytesOf(1, 5 * MIB + 1);
    const first = await append(set, [], bytes.subarray(0, 2 * MIB));
    const segments = await append(set, first, bytes.subarray(2 * MIB));
    const key = subject().key('deep/er/blob');
    const stat = await subject().driver.segments.commit(set, segments, key);
    assert.equal(stat.size, bytes.length);
    assert.equal((await subject().driver.stat(key)).size, bytes.length);
    assert.ok((await subject().content(key)).equals(bytes));
    const range = { start: 2 * MIB - 5, end: 2 * MIB + 4 };
    const { body } = await subject().driver.get(key, { range });
    assert.ok((await collect(body)).equals(bytes.subarray(range.start, range.end + 1)));
  });

  it('makes an empty object of no segments', async () => {
    const key = subject().key();
    await subject().driver.segments.commit(subject().set(), [], key);
    assert.equal((await subject().driver.stat(key)).size, 0);
  });

  it('stays readable when the set is removed, and goes with its key', async () => {
    const set = subject().set();
    const key = subject().key();
    const bytes = bytesOf(2, 300_000);
    await subject().driver.segments.commit(set, await append(set, [], bytes), key);
    await subject().driver.segments.remove(set);
    assert.ok((await subject().content(key)).equals(bytes));
    await subject().driver.delete(key);
    assert.equal(await subject().present(key), false);
  });

  it('says EXISTS when repeated, and changes nothing', async () => {
    const set = subject().set();
    const key = subject().key();
    const segments = await append(set, [], Buffer.from('abc'));
    await subject().driver.segments.commit(set, segments, key);
    await rejectsWith(subject().driver.segments.commit(set, segments, key), 'EXISTS');
    await subject().driver.segments.remove(set);
    await rejectsWith(subject().driver.segments.commit(set, segments, key), 'EXISTS', 'MISMATCH');
    assert.equal((await subject().driver.read(key)).toString(), 'abc');
  });

  it('does not overwrite unless told to, and can still be told to', async () => {
    const set = subject().set();
    const key = subject().key();
    await subject().driver.put(key, Buffer.from('damaged'));
    const segments = await append(set, [], Buffer.from('whole'));
    await rejectsWith(subject().driver.segments.commit(set, segments, key), 'EXISTS');
    assert.equal((await subject().driver.read(key)).toString(), 'damaged');
    await subject().driver.segments.commit(set, segments, key, { replace: true });
    assert.equal((await subject().driver.read(key)).toString(), 'whole');
  });

  it('says MISMATCH when a segment is gone or differs', async () => {
    const set = subject().set();
    const key = subject().key();
    const { segments: store } = subject().driver;
    const [segment] = await append(set, [], Buffer.from('abc'));
    assert.ok(segment);
    const wrong = [
      [{ ...segment, name: `${segment.name}0` }],
      [{ ...segment, name: '../../escape' }],
      [{ ...segment, size: 2 }],
      [{ ...segment, size: 4 }],
      [{ ...segment, etag: 'another' }],
    ];
    for (const segments of wrong) {
      await rejectsWith(store.commit(set, segments, key), 'MISMATCH');
      await rejectsWith(store.commit(set, segments, key, { replace: true }), 'MISMATCH');
    }
    await store.remove(set);
    await rejectsWith(store.commit(set, [segment], key), 'MISMATCH');
    await rejectsWith(store.commit(set, [segment], key, { replace: true }), 'MISMATCH');
    assert.equal(await subject().present(key), false);
  });

  it('takes an earlier state of a session as well', async () => {
    const set = subject().set();
    const [early, late] = [subject().key(), subject().key()];
    const first = await append(set, [], Buffer.from('abc'));
    const second = await append(set, first, Buffer.from('def'));
    await subject().driver.segments.commit(set, first, early);
    assert.equal((await subject().driver.read(early)).toString(), 'abc');
    const [outcome] = await outcomes([subject().driver.segments.commit(set, second, late)]);
    if (outcome === 'ok') assert.equal((await subject().driver.read(late)).toString(), 'abcdef');
    else assert.equal(outcome, 'MISMATCH');
    assert.equal((await subject().driver.read(early)).toString(), 'abc');
  });

  it('is not changed by who goes on writing to the session', async () => {
    for (let round = 0; round < 8; round++) {
      const set = subject().set();
      const key = subject().key();
      const bytes = bytesOf(round, 400_000);
      const first = await append(set, [], bytes.subarray(0, 100_000));
      const whole = await append(set, first, bytes.subarray(100_000));
      const all = [
        append(set, whole, bytesOf(100, 200_000)),
        append(set, first, bytesOf(101, 200_000)),
        subject().driver.segments.commit(set, whole, key),
        append(set, whole, bytesOf(102, 200_000)),
      ];
      const [before, early, committed, after] = await outcomes(all);
      assert.equal(committed, 'ok');
      for (const outcome of [before, early, after]) assert.match(outcome ?? '', /^(ok|NOT_FOUND)$/);
      assert.ok((await subject().content(key)).equals(bytes));
      for (const recorded of [first, whole]) {
        const [late] = await outcomes([append(set, recorded, bytesOf(103, 1000))]);
        assert.match(late ?? '', /^(ok|NOT_FOUND)$/);
      }
      assert.ok((await subject().content(key)).equals(bytes));
    }
  });

  it('can be repeated at once by many', async () => {
    for (let round = 0; round < 8; round++) {
      const set = subject().set();
      const key = subject().key();
      const bytes = bytesOf(round, 200_000);
      const segments = await append(set, [], bytes);
      const commits = Array.from({ length: 5 }, () => subject().driver.segments.commit(set, segments, key));
      const ended = await outcomes(commits);
      assert.ok(ended.includes('ok'));
      assert.ok(
        ended.every((outcome) => ['ok', 'EXISTS'].includes(outcome)),
        ended.join(),
      );
      if (subject().options.atomicCreate !== false) {
        assert.equal(ended.filter((outcome) => outcome === 'ok').length, 1);
      }
      assert.ok((await subject().content(key)).equals(bytes));
    }
  });

  it('keeps the segments of a commit that was aborted', async () => {
    const set = subject().set();
    const key = subject().key();
    const segments = await append(set, [], Buffer.from('abc'));
    const reason = new Error('no longer wanted');
    const signal = AbortSignal.abort(reason);
    await assert.rejects(subject().driver.segments.commit(set, segments, key, { signal }), reason);
    assert.equal(await subject().present(key), false);
    await subject().driver.segments.commit(set, segments, key);
    assert.equal((await subject().driver.read(key)).toString(), 'abc');
  });
}
