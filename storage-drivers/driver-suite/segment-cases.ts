import assert from 'node:assert/strict';
import type { Segment } from '../../src/ports/storage-driver.js';
import { bytesOf, chunked, collect, failing, randomFrom, stuckAfter } from './bodies.js';
import { outcomes, rejectsWith, type Subject } from './subject.js';

const MIB = 1024 * 1024;

export function segmentCases(subject: () => Subject): void {
  const append = (
    set: string,
    recorded: readonly Segment[],
    bytes: Uint8Array,
  ): Promise<readonly Segment[]> => subject().driver.segments.append(set, recorded, chunked(bytes));
  const content = (set: string, segments: readonly Segment[]): Promise<Buffer> =>
    collect(subject().driver.segments.read(set, segments));
  const sizeOf = (segments: readonly Segment[]): number => segments.reduce((sum, { size }) => sum + size, 0);

  /** Fails unless the bytes are gone altogether or the very same. */
  async function goneOrSame(set: string, segments: readonly Segment[], bytes: Uint8Array): Promise<void> {
    const read = content(set, segments);
    const [outcome] = await outcomes([read]);
    if (outcome === 'ok') assert.ok((await read).equals(bytes), 'recorded bytes changed');
    else assert.equal(outcome, 'NOT_FOUND');
  }

  it('holds what was appended in many steps, large and small', async () => {
    for (const steps of [
      [10 * MIB, 10 * MIB],
      [32, 32, 32],
      [1, MIB, 1, 3 * MIB, 1],
      [MIB - 1, 1, 1],
    ]) {
      const set = subject().set();
      let segments: readonly Segment[] = [];
      let all = Buffer.alloc(0);
      for (const [seed, size] of steps.entries()) {
        const bytes = bytesOf(seed, size);
        segments = await append(set, segments, bytes);
        all = Buffer.concat([all, bytes]);
        assert.equal(sizeOf(segments), all.length);
        assert.ok(segments.every((segment) => segment.size > 0));
        assert.ok((await content(set, segments)).equals(all));
      }
    }
  });

  it('adds nothing for a body of nothing', async () => {
    const set = subject().set();
    assert.deepEqual(await append(set, [], Buffer.alloc(0)), []);
    const recorded = await append(set, [], Buffer.from('abc'));
    assert.deepEqual(await append(set, recorded, Buffer.alloc(0)), recorded);
    const more = await append(set, recorded, Buffer.from('def'));
    assert.equal((await content(set, more)).toString(), 'abcdef');
  });

  it('never changes recorded bytes, whoever writes at the same offset', async () => {
    const set = subject().set();
    const start = bytesOf(1, MIB + 11);
    const recorded = await append(set, [], start);
    const ends = [bytesOf(2, 700_000), bytesOf(3, 10), bytesOf(4, 2 * MIB)];
    const longer = await Promise.all(ends.map((end) => append(set, recorded, end)));
    const late = await append(set, recorded, Buffer.from('late'));
    for (const [i, segments] of longer.entries()) {
      assert.ok(
        (await content(set, segments)).equals(Buffer.concat([start, ends[i] ?? start])),
        `writer ${i}`,
      );
    }
    assert.ok((await content(set, late)).equals(Buffer.concat([start, Buffer.from('late')])));
    assert.ok((await content(set, recorded)).equals(start));
  });

  it('lets two begin the same set', async () => {
    const set = subject().set();
    const texts = ['one', 'two', 'three'];
    const begun = await Promise.all(texts.map((text) => append(set, [], Buffer.from(text))));
    for (const [i, segments] of begun.entries())
      assert.equal((await content(set, segments)).toString(), texts[i]);
  });

  it('agrees with a simple model on random histories', async () => {
    const set = subject().set();
    const random = randomFrom(30);
    const known: { segments: readonly Segment[]; bytes: Buffer }[] = [
      { segments: [], bytes: Buffer.alloc(0) },
    ];
    for (let round = 0; round < 25; round++) {
      const grown = await Promise.all(
        Array.from({ length: 3 }, async (_, i) => {
          const from = known[Math.floor(random() * known.length)] ?? { segments: [], bytes: Buffer.alloc(0) };
          const added = bytesOf(round * 3 + i, Math.floor(random() * random() * MIB));
          if (random() < 0.2) {
            const error = new Error('cut');
            const cut = subject().driver.segments.append(set, from.segments, failing(added, error));
            await assert.rejects(cut, error);
            return from;
          }
          return {
            segments: await append(set, from.segments, added),
            bytes: Buffer.concat([from.bytes, added]),
          };
        }),
      );
      known.push(...grown);
    }
    for (const { segments, bytes } of known) assert.ok((await content(set, segments)).equals(bytes));
  });

  it('leaves nothing of a body that throws', async () => {
    const set = subject().set();
    const { segments } = subject().driver;
    const error = new Error('the client went away');
    const sent = bytesOf(5, 2 * MIB);
    await assert.rejects(segments.append(set, [], failing(sent, error)), error);
    await assert.rejects(segments.append(set, [], failing(Buffer.alloc(0), error)), error);
    await subject().listed(async () => assert.deepEqual((await segments.list({ limit: 10 })).sets, []));
    const recorded = await append(set, [], Buffer.from('abc'));
    await assert.rejects(segments.append(set, recorded, failing(sent, error)), error);
    assert.equal((await content(set, recorded)).toString(), 'abc');
    const more = await append(set, recorded, Buffer.from('def'));
    assert.equal((await content(set, more)).toString(), 'abcdef');
    await subject().listed(async () => {
      const [info] = (await segments.list({ limit: 10 })).sets;
      assert.ok(info !== undefined && info.size < 100, 'what was cut is still held');
    });
  });

  it('gives up a stuck body when the signal aborts', async () => {
    const set = subject().set();
    const recorded = await append(set, [], Buffer.from('abc'));
    const reason = new Error('no longer wanted');
    for (const from of [[], recorded]) {
      const controller = new AbortController();
      const { body, stuck } = stuckAfter(bytesOf(6, 700_000));
      const appending = subject().driver.segments.append(set, from, body, { signal: controller.signal });
      void stuck.then(() => controller.abort(reason));
      await assert.rejects(appending, reason);
    }
    assert.equal((await content(set, await append(set, recorded, Buffer.from('def')))).toString(), 'abcdef');
  });

  it('says NOT_FOUND of recorded segments that are gone or differ', async () => {
    const set = subject().set();
    const [segment] = await append(set, [], Buffer.from('abc'));
    assert.ok(segment);
    const wrong = [
      [{ ...segment, name: `${segment.name}0` }],
      [{ ...segment, name: '../../escape' }],
      [{ ...segment, size: 4 }],
      [{ ...segment, etag: 'another' }],
      [segment, { ...segment, name: `${segment.name}0` }],
    ];
    for (const recorded of wrong) {
      await rejectsWith(append(set, recorded, Buffer.from('x')), 'NOT_FOUND');
      await rejectsWith(content(set, recorded), 'NOT_FOUND');
    }
    const elsewhere = subject().set();
    await rejectsWith(append(elsewhere, [segment], Buffer.from('x')), 'NOT_FOUND');
    await subject().driver.segments.remove(set);
    await rejectsWith(append(set, [segment], Buffer.from('x')), 'NOT_FOUND');
    await rejectsWith(content(set, [segment]), 'NOT_FOUND');
  });

  it('reads segments from an offset', async () => {
    const { driver } = subject();
    const set = subject().set();
    const bytes = bytesOf(8, 700_000);
    let segments: readonly Segment[] = [];
    for (const [start, end] of [
      [0, 200_000],
      [200_000, 500_000],
      [500_000, 700_000],
    ])
      segments = await append(set, segments, bytes.subarray(start, end));
    for (const from of [0, 1, 199_999, 200_000, 350_000, 500_000, 699_999, 700_000]) {
      const read = await collect(driver.segments.read(set, segments, from));
      assert.ok(read.equals(bytes.subarray(from)), `from ${from}`);
    }
  });

  it('lets go of segments whose reading is given up', async () => {
    const set = subject().set();
    const segments = await append(set, [], bytesOf(7, 4 * MIB));
    for await (const chunk of subject().driver.segments.read(set, segments)) {
      assert.ok(chunk);
      break;
    }
    subject().driver.segments.read(set, segments).destroy();
    assert.deepEqual(await collect(subject().driver.segments.read(set, [])), Buffer.alloc(0));
  });

  it('lists every set once, page by page', async () => {
    const { segments } = subject().driver;
    const names = ['b', 'a-1', 'a', 'a1', 'c0', '0'].map((name) => subject().set(name));
    for (const [i, set] of names.entries()) await append(set, [], bytesOf(i, 100 + i));
    const sorted = [...names].sort();
    for (const limit of [1, 2, 5, 6, 100]) {
      await subject().listed(async () => {
        const found: string[] = [];
        for (let startAfter: string | undefined; ;) {
          const page = await segments.list(startAfter === undefined ? { limit } : { limit, startAfter });
          assert.ok(page.sets.length <= limit);
          found.push(...page.sets.map(({ set }) => set));
          if (page.next === undefined) break;
          startAfter = page.next;
        }
        assert.deepEqual(found.sort(), sorted);
      });
    }
    const { sets } = await segments.list({ limit: 100 });
    for (const { set, size } of sets) assert.equal(size, 100 + names.indexOf(set));
  });

  it('tells the time of the newest segment of a set', async () => {
    const { segments } = subject().driver;
    const set = subject().set();
    const { lastModified } = await subject().driver.put(subject().key(), Buffer.from('now'));
    await append(set, await append(set, [], Buffer.from('abc')), Buffer.from('def'));
    await subject().listed(async () => {
      const [info] = (await segments.list({ limit: 10 })).sets;
      assert.ok(info);
      assert.ok(Math.abs(info.lastModified.getTime() - lastModified.getTime()) < 5000);
    });
  });

  it('removes a set, idempotently and alone', async () => {
    const [set, other] = [subject().set('one'), subject().set('one-two')];
    const segments = await append(set, [], Buffer.from('abc'));
    const kept = await append(other, [], Buffer.from('def'));
    await subject().driver.segments.remove(set);
    await subject().driver.segments.remove(set);
    await rejectsWith(content(set, segments), 'NOT_FOUND');
    assert.equal((await content(other, kept)).toString(), 'def');
  });

  it('survives a purge under its feet', async () => {
    const set = subject().set();
    for (let round = 0; round < 10; round++) {
      const recorded = await append(set, [], Buffer.from('abc'));
      const all = [
        append(set, recorded, bytesOf(round, 100_000)),
        append(set, [], bytesOf(round, 100_000)),
        subject().driver.segments.remove(set),
      ];
      for (const outcome of await outcomes(all)) assert.ok(['ok', 'NOT_FOUND'].includes(outcome), outcome);
      await goneOrSame(set, recorded, Buffer.from('abc'));
    }
  });

  it('refuses names of sets', async () => {
    const { segments } = subject().driver;
    for (const set of ['', '.', '..', 'a/b', 'A', 'a.b', 'a\0', 'é', 'a'.repeat(101)]) {
      await rejectsWith(segments.append(set, [], chunked(Buffer.from('x'))), 'INVALID_KEY');
      await rejectsWith(segments.commit(set, [], subject().key()), 'INVALID_KEY');
      await rejectsWith(segments.remove(set), 'INVALID_KEY');
      await rejectsWith((async () => collect(segments.read(set, [])))(), 'INVALID_KEY');
    }
  });
}
