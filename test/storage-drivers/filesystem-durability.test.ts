import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listedKey } from '../../src/domain/keys.js';
import { isStorageError, type StorageDriver } from '../../src/ports/storage-driver.js';
import { bytesOf, chunked, collect, digestOf } from '../../storage-drivers/driver-suite/bodies.js';
import { countingIds, rejectsWith } from '../../storage-drivers/driver-suite/subject.js';
import { createFilesystemDriver } from '../../storage-drivers/filesystem/filesystem-driver.js';
import { recorded, whileFailing, whileWritesWait } from './disk-faults.js';
import { filesBelow, filesystemFixture, type FilesystemFixture } from './filesystem-fixture.js';
import { testClock } from './memory-fixture.js';
import { leaveOut } from '../support/requirement.js';

const MIB = 1024 * 1024;
const KEY = listedKey('docker/registry/v2/blobs/ab/data');
const PREFIX = 'docker/registry/v2/blobs/';

describe('filesystem driver: disk', () => {
  let fixture: FilesystemFixture;
  let driver: StorageDriver;
  let root: string;
  const bytes = bytesOf(1, 3 * MIB);
  const verified = { digest: digestOf(bytes), size: bytes.length };

  beforeEach(async () => {
    fixture = await filesystemFixture();
    ({ driver, root } = fixture);
  });

  afterEach(async function () {
    const left = this.currentTest?.state === 'failed' ? [] : await fixture.leftovers();
    await fixture.destroy();
    assert.deepEqual(left, []);
  });

  describe('acknowledges only what was synced', () => {
    const calls = ['fsync', 'link', 'rename'] as const;
    /** Everything that must be synced after an object got a name in directories that were all missing. */
    const chain = [
      'docker/registry/v2/blobs/ab',
      'docker/registry/v2/blobs',
      'docker/registry/v2',
      'docker/registry',
    ];
    const syncs = [...chain, 'docker', '.'].map((path) => `fsync ${path}`);

    async function check(write: () => Promise<unknown>, naming: string): Promise<void> {
      const trace = await recorded(root, calls, write);
      const named = trace.indexOf(naming);
      assert.ok(named > 0, trace.join());
      const temp = trace
        .slice(0, named)
        .filter((entry) => /^fsync stackyard\/(tmp|segments)\/.*\d/.test(entry));
      assert.ok(temp.length >= 1, `the bytes were not synced before they were named: ${trace.join()}`);
      for (const sync of syncs)
        assert.ok(trace.indexOf(sync, named) > named, `no ${sync} in ${trace.join()}`);
      await driver.delete(KEY);
    }

    it('by put', () => check(() => driver.put(KEY, bytes, { ifAbsent: true }), `link ${KEY}`));
    it('by put over another', () => check(() => driver.put(KEY, bytes), `rename ${KEY}`));
    it('by putVerified', () => check(() => driver.putVerified(KEY, chunked(bytes), verified), `link ${KEY}`));

    it('by append and commit', async () => {
      let segments: Awaited<ReturnType<typeof driver.segments.append>> = [];
      const begun = await recorded(root, calls, async () => {
        segments = await driver.segments.append('set', [], chunked(bytes.subarray(0, MIB)));
      });
      const file = `stackyard/segments/set/${segments[0]?.name}`;
      assert.equal(begun[0], `fsync ${file}`);
      for (const path of ['stackyard/segments/set', 'stackyard/segments', 'stackyard', '.']) {
        assert.ok(begun.includes(`fsync ${path}`), `${path} is not in ${begun.join()}`);
      }
      const grown = await recorded(root, calls, async () => {
        segments = await driver.segments.append('set', segments, chunked(bytes.subarray(MIB)));
      });
      assert.deepEqual(grown, [`fsync ${file}`]);
      const committed = await recorded(root, calls, () => driver.segments.commit('set', segments, KEY));
      assert.deepEqual([...new Set(committed)].sort(), [`link ${KEY}`, ...syncs].sort());
      await driver.delete(KEY);
    });

    it('by delete', async () => {
      const other = listedKey(`${PREFIX}cd/data`);
      await driver.put(KEY, bytes);
      await driver.put(other, bytes);
      assert.deepEqual(await recorded(root, calls, () => driver.delete(KEY)), [
        'fsync docker/registry/v2/blobs',
      ]);
      const trace = await recorded(root, calls, () => driver.deleteMany([other]));
      assert.deepEqual(trace, ['fsync docker/registry/v2']);
    });
  });

  it('costs no write to find that an object exists', async () => {
    await driver.put(KEY, bytes);
    const calls = ['fsync', 'link', 'rename', 'writev', 'mkdir'] as const;
    const trace = await recorded(root, calls, () =>
      rejectsWith(driver.put(KEY, bytes, { ifAbsent: true }), 'EXISTS'),
    );
    assert.deepEqual(trace, []);
    await driver.delete(KEY);
  });

  it('lists a directory by delimiter with one readdir and no stat', async () => {
    const directory = join(root, PREFIX);
    fs.mkdirSync(directory, { recursive: true });
    for (let i = 0; i < 2000; i++) fs.mkdirSync(join(directory, String(i)));
    for (const startAfter of [undefined, `${PREFIX}1/`]) {
      const trace = await recorded(root, ['readdir', 'stat'], async () => {
        const options = { prefix: PREFIX, delimiter: '/', limit: 1000 } as const;
        const page = await driver.list(startAfter === undefined ? options : { ...options, startAfter });
        assert.equal(page.prefixes.length, 1000);
      });
      assert.deepEqual(trace, ['readdir docker/registry/v2/blobs']);
    }
    fs.rmSync(directory, { recursive: true });
  });

  it('descends only where a page lies', async () => {
    for (let i = 0; i < 20; i++) await driver.put(listedKey(`${PREFIX}${i + 10}/data`), Buffer.from('x'));
    const trace = await recorded(root, ['readdir', 'stat'], () =>
      driver.list({ prefix: `${PREFIX}1`, startAfter: `${PREFIX}12/data`, limit: 2 }),
    );
    const blobs = PREFIX.slice(0, -1);
    const read = [blobs, `${blobs}/12`, `${blobs}/13`, `${blobs}/14`, `${blobs}/15`].map(
      (path) => `readdir ${path}`,
    );
    assert.deepEqual(trace, [...read, `stat ${blobs}/13/data`, `stat ${blobs}/14/data`]);
    for (let i = 0; i < 20; i++) await driver.delete(listedKey(`${PREFIX}${i + 10}/data`));
  });

  describe('calls an outage an outage', () => {
    const unavailable = async (work: Promise<unknown>, code: string): Promise<void> => {
      await assert.rejects(work, (error) => {
        assert.ok(isStorageError(error, 'UNAVAILABLE'), String(error));
        assert.match(error.message, new RegExp(`${code}`));
        assert.doesNotMatch(error.message, /\n/);
        return true;
      });
    };

    it('in reads', async () => {
      await driver.put(KEY, bytes);
      for (const code of ['EMFILE', 'EACCES', 'EIO', 'ESTALE', 'ELOOP']) {
        await whileFailing('open', code, async () => {
          await unavailable(driver.get(KEY), code);
          await unavailable(driver.read(KEY), code);
        });
        await whileFailing('stat', code, () => unavailable(driver.stat(KEY), code));
        await whileFailing('stat', code, () => unavailable(driver.put(KEY, bytes, { ifAbsent: true }), code));
        await whileFailing('readdir', code, () =>
          unavailable(driver.list({ prefix: PREFIX, limit: 1 }), code),
        );
        await whileFailing('readdir', code, () => unavailable(driver.segments.list({ limit: 1 }), code));
      }
      await driver.delete(KEY);
    });

    it('in writes, of which it leaves nothing', async () => {
      const writes = {
        put: () => driver.put(KEY, bytes),
        'put ifAbsent': () => driver.put(KEY, bytes, { ifAbsent: true }),
        putVerified: () => driver.putVerified(KEY, chunked(bytes), verified),
        append: () => driver.segments.append('set', [], chunked(bytes)),
      };
      for (const [what, write] of Object.entries(writes)) {
        for (const [call, code] of [
          ['open', 'EMFILE'],
          ['writev', 'ENOSPC'],
          ['fsync', 'EIO'],
        ] as const) {
          await whileFailing(call, code, () => unavailable(write(), code));
          if (what !== 'append') await rejectsWith(driver.stat(KEY), 'NOT_FOUND');
          assert.deepEqual(await filesBelow(root), [], `${what} with ${code}`);
        }
      }
    });

    it('in a link, a rename or a commit', async () => {
      await whileFailing('link', 'EIO', () => unavailable(driver.put(KEY, bytes, { ifAbsent: true }), 'EIO'));
      await whileFailing('rename', 'EROFS', () => unavailable(driver.put(KEY, bytes), 'EROFS'));
      const segments = await driver.segments.append('set', [], chunked(bytes));
      await whileFailing('link', 'EIO', () =>
        unavailable(driver.segments.commit('set', segments, KEY), 'EIO'),
      );
      await driver.segments.commit('set', segments, KEY);
      assert.ok((await driver.read(KEY)).equals(bytes));
      await whileFailing('unlink', 'EIO', () => unavailable(driver.delete(KEY), 'EIO'));
      const [failure] = await whileFailing('unlink', 'EIO', () => driver.deleteMany([KEY]));
      assert.equal(failure?.error.code, 'UNAVAILABLE');
      await driver.delete(KEY);
    });

    it('in an append, which can then be repeated', async () => {
      const first = await driver.segments.append('set', [], chunked(bytes.subarray(0, MIB)));
      const rest = bytes.subarray(MIB);
      await whileFailing('writev', 'ENOSPC', () =>
        unavailable(driver.segments.append('set', first, chunked(rest)), 'ENOSPC'),
      );
      const all = await driver.segments.append('set', first, chunked(rest));
      assert.equal(all[0]?.name, first[0]?.name, 'the claim was not given back');
      assert.ok((await collect(driver.segments.read('set', all))).equals(bytes));
      await driver.segments.remove('set');
    });
  });

  it('does not take a body faster than it can be written', async () => {
    const targets = [
      (body: AsyncIterable<Uint8Array>) => driver.putVerified(KEY, body, { ...verified, size: 16 * MIB }),
      (body: AsyncIterable<Uint8Array>) => driver.segments.append('set', [], body),
    ];
    for (const write of targets) {
      let taken = 0;
      async function* body(): AsyncGenerator<Uint8Array> {
        for (; taken < 16 * MIB; taken += 65536) yield Buffer.alloc(65536);
      }
      await whileWritesWait(async ({ begun, release }) => {
        const written = write(body()).catch((error: unknown) => error);
        for (let turn = 0, after = 0; after < 200 && turn < 100_000; turn++) {
          await new Promise((resolve) => setImmediate(resolve));
          if (begun() > 0) after += 1;
        }
        assert.equal(begun(), 1);
        assert.ok(taken >= MIB / 2 && taken <= 1.2 * MIB, `${taken} bytes were taken`);
        release();
        await written;
      });
    }
    await driver.segments.remove('set');
  });

  it('puts into directories that are being pruned', async () => {
    const keys = Array.from({ length: 6 }, (_, i) => listedKey(`${PREFIX}deep/${i % 2}/${i}`));
    const other = (await fixture.reopen?.()) ?? driver;
    await Promise.all(
      keys.map(async (key, i) => {
        const own = i % 2 === 0 ? driver : other;
        for (let round = 0; round < 40; round++) {
          await own.put(key, Buffer.from(String(round)), { ifAbsent: true });
          assert.equal((await driver.read(key)).toString(), String(round));
          await own.delete(key);
        }
      }),
    );
  });
});

describe('filesystem driver: a full disk', () => {
  it('is an outage, leaves nothing and heals', async function () {
    const root = await mkdtemp(join(tmpdir(), 'stackyard-full-'));
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', root]).status === 0;
    try {
      if (!mounted) leaveOut(this, 'a tmpfs cannot be mounted');
      const driver = createFilesystemDriver({ root, clock: testClock, ids: countingIds() });
      const bytes = bytesOf(1, 3 * MIB);
      const options = { digest: digestOf(bytes), size: bytes.length };
      for (let round = 0; round < 3; round++) {
        await rejectsWith(driver.put(KEY, bytes), 'UNAVAILABLE');
        await rejectsWith(driver.putVerified(KEY, chunked(bytes), options), 'UNAVAILABLE');
        await rejectsWith(driver.segments.append('set', [], chunked(bytes)), 'UNAVAILABLE');
        const first = await driver.segments.append('set', [], chunked(bytes.subarray(0, MIB)));
        await rejectsWith(driver.segments.append('set', first, chunked(bytes)), 'UNAVAILABLE');
        const all = await driver.segments.append('set', first, chunked(bytes.subarray(MIB, MIB + 1000)));
        await driver.segments.commit('set', all, KEY);
        assert.ok((await driver.read(KEY)).equals(bytes.subarray(0, MIB + 1000)));
        await driver.delete(KEY);
        assert.deepEqual(await filesBelow(root), []);
      }
    } finally {
      if (mounted) execFileSync('umount', [root]);
      await rm(root, { recursive: true });
    }
  });
});
