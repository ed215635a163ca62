import assert from 'node:assert/strict';
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { listedKey } from '../../src/domain/keys.js';
import type { Segment, StorageDriver } from '../../src/ports/storage-driver.js';
import { bytesOf, chunked, collect, digestOf } from '../../storage-drivers/driver-suite/bodies.js';
import { describeDriver } from '../../storage-drivers/driver-suite/driver-suite.js';
import { rejectsWith } from '../../storage-drivers/driver-suite/subject.js';
import { filesBelow, filesystemFixture, type FilesystemFixture } from './filesystem-fixture.js';

describeDriver('filesystem', filesystemFixture);

const MIB = 1024 * 1024;
const KEY = listedKey('docker/registry/v2/blobs/sha256/ab/abcd/data');

describe('filesystem driver', () => {
  let fixture: FilesystemFixture;
  let driver: StorageDriver;
  let root: string;

  beforeEach(async () => {
    fixture = await filesystemFixture();
    ({ driver, root } = fixture);
  });

  afterEach(async function () {
    const left = (await fixture.leftovers()).filter(
      (name) => name.startsWith('open:') || name.includes('tmp/'),
    );
    await fixture.destroy();
    assert.deepEqual(left, []);
  });

  const append = (recorded: readonly Segment[], text: string): Promise<readonly Segment[]> =>
    driver.segments.append('set', recorded, chunked(Buffer.from(text)));
  const content = async (segments: readonly Segment[]): Promise<string> =>
    (await collect(driver.segments.read('set', segments))).toString();
  const inSet = (name: string): string => join(root, 'stackyard/segments/set', name);
  const nameOf = (segments: readonly Segment[]): string => segments[0]?.name ?? '';

  it('gives the memory of a borrowed chunk to nobody else, also after the end of its body', async () => {
    const other = listedKey('docker/registry/v2/blobs/sha256/cd/cdef/data');
    const bytes = bytesOf(1, 600_000);
    await driver.put(KEY, bytes);
    await driver.put(other, bytesOf(2, 600_000));
    const { body } = await driver.get(KEY, { borrow: true });
    let last: Buffer | undefined;
    for await (const chunk of body) last = chunk as Buffer;
    assert.ok(last);
    for (let turn = 0; turn < 4; turn++) await collect((await driver.get(other, { borrow: true })).body);
    assert.ok(last.equals(bytes.subarray(bytes.length - last.length)), 'the last chunk was overwritten');
  });

  it('lets no other user read what is private', async () => {
    const modeOf = (path: string): number => fs.statSync(join(root, path)).mode & 0o777;
    const umask = process.umask(0o022);
    try {
      for (const path of ['stackyard/v1/keys/token/k', 'stackyard/v1/auth/principals/alice']) {
        await driver.put(listedKey(path), Buffer.from('secret'));
        assert.equal(modeOf(path), 0o600);
      }
      await driver.put(KEY, Buffer.from('layer'));
      assert.equal(modeOf(KEY), 0o644);
    } finally {
      process.umask(umask);
    }
  });

  it('does not append to a session file that a commit makes a blob just now', async () => {
    const recorded = await append([], 'verified');
    const path = inSet(nameOf(recorded));
    const blob = join(root, KEY);
    fs.mkdirSync(dirname(blob), { recursive: true });
    const open = fs.open.bind(fs) as (...values: unknown[]) => void;
    (fs as { open: unknown }).open = (...values: unknown[]) => {
      const done = values.pop() as (...results: unknown[]) => void;
      open(...values, (...results: unknown[]) => {
        if (values[0] === path && values[1] === 'r+') {
          fs.linkSync(path, blob);
          fs.unlinkSync(path);
        }
        done(...results);
      });
    };
    try {
      await rejectsWith(append(recorded, 'more'), 'NOT_FOUND');
    } finally {
      (fs as { open: unknown }).open = open;
    }
    assert.equal(fs.readFileSync(blob, 'utf8'), 'verified');
  });

  describe('layout', () => {
    it('keeps an object in a file of its key, and what was there before is an object', async () => {
      await driver.put(KEY, Buffer.from('x'));
      assert.equal(fs.readFileSync(join(root, KEY), 'utf8'), 'x');
      const found = listedKey('docker/registry/v2/repositories/a/_layers/sha256/ab/link');
      fs.mkdirSync(join(root, found, '..'), { recursive: true });
      fs.writeFileSync(join(root, found), 'sha256:ab');
      assert.equal((await driver.read(found)).toString(), 'sha256:ab');
    });

    it('prunes what a delete leaves empty, up to the root of keys', async () => {
      const other = listedKey('docker/registry/v2/blobs/sha256/cd/data');
      await driver.put(KEY, Buffer.from('x'));
      await driver.put(other, Buffer.from('x'));
      await driver.delete(KEY);
      assert.deepEqual(fs.readdirSync(join(root, 'docker/registry/v2/blobs/sha256')), ['cd']);
      await driver.deleteMany([other]);
      assert.deepEqual(fs.readdirSync(join(root, 'docker/registry/v2')), []);
    });

    it('prunes what a killed delete left empty', async () => {
      fs.mkdirSync(join(root, KEY, '..'), { recursive: true });
      await driver.delete(KEY);
      assert.deepEqual(fs.readdirSync(join(root, 'docker/registry/v2')), []);
    });

    it('follows symbolic links in listings, and leaves out what is no file', async () => {
      await driver.put(KEY, Buffer.from('x'));
      fs.symlinkSync(join(root, 'docker/registry/v2/blobs'), join(root, 'docker/registry/v2/linked'));
      fs.symlinkSync('/nowhere', join(root, 'docker/registry/v2/dangling'));
      const { objects } = await driver.list({ prefix: 'docker/registry/v2/', limit: 10 });
      assert.deepEqual(
        objects.map(({ key }) => key),
        [KEY, KEY.replace('blobs', 'linked')],
      );
    });
  });

  describe('sessions', () => {
    it('grow in place: nothing is copied', async () => {
      const one = await append([], 'abc');
      const two = await append(one, 'def');
      assert.equal(nameOf(two), nameOf(one));
      const inode = fs.statSync(inSet(nameOf(two))).ino;
      await driver.segments.commit('set', two, KEY);
      assert.equal(fs.statSync(join(root, KEY)).ino, inode);
      assert.equal(fs.existsSync(inSet('.')), false);
    });

    it('are copied when the offset was claimed by a writer that was killed', async () => {
      const one = await append([], 'abc');
      fs.writeFileSync(inSet(`${nameOf(one)}.3.claim`), '');
      fs.appendFileSync(inSet(nameOf(one)), 'torn');
      const two = await append(one, 'def');
      assert.notEqual(nameOf(two), nameOf(one));
      assert.equal(await content(two), 'abcdef');
      assert.equal(fs.readFileSync(inSet(nameOf(one)), 'utf8'), 'abctorn');
      await driver.segments.commit('set', one, KEY);
      assert.equal((await driver.read(KEY)).toString(), 'abc');
    });

    it('are copied when a power failure took the claim of a longer file', async () => {
      const one = await append([], 'abc');
      const two = await append(one, 'def');
      fs.unlinkSync(inSet(`${nameOf(one)}.3.claim`));
      assert.equal(await content(await append(one, 'xyz')), 'abcxyz');
      assert.equal(await content(two), 'abcdef');
    });

    it('are never written once they are a blob', async () => {
      const one = await append([], 'abc');
      fs.mkdirSync(join(root, KEY, '..'), { recursive: true });
      fs.linkSync(inSet(nameOf(one)), join(root, KEY));
      assert.equal(await content(await append(one, 'def')), 'abcdef');
      assert.equal((await driver.read(KEY)).toString(), 'abc');
    });

    it('are as old as their commit', async () => {
      const one = await append([], 'abc');
      fs.utimesSync(inSet(nameOf(one)), 1, 1);
      const before = Date.now();
      const { lastModified } = await driver.segments.commit('set', one, KEY);
      assert.ok(lastModified.getTime() >= before - 5);
      assert.deepEqual((await driver.stat(KEY)).lastModified, lastModified);
    });

    it('are gone after their commit: EXISTS if it was this one, else MISMATCH', async () => {
      const one = await append([], 'abc');
      await driver.segments.commit('set', one, KEY);
      await rejectsWith(driver.segments.commit('set', one, KEY), 'EXISTS');
      await driver.delete(KEY);
      await rejectsWith(driver.segments.commit('set', one, KEY), 'MISMATCH');
      await rejectsWith(append(one, 'def'), 'NOT_FOUND');
    });
  });

  it('shows leftover temporary files to the purge as sets', async () => {
    await append([], 'abc');
    await driver.put(KEY, Buffer.from('x'));
    for (const name of ['left1', 'left2']) fs.writeFileSync(join(root, 'stackyard/tmp', name), name);
    const { sets } = await driver.segments.list({ limit: 10 });
    assert.deepEqual(
      sets.map(({ set, size }) => [set, size]),
      [
        ['set', 3],
        ['tmp-left1', 5],
        ['tmp-left2', 5],
      ],
    );
    for (const { set } of sets) await driver.segments.remove(set);
    assert.deepEqual((await driver.segments.list({ limit: 10 })).sets, []);
    assert.deepEqual(fs.readdirSync(join(root, 'stackyard/tmp')), []);
  });

  it('fails a body whose file ends early', async () => {
    const bytes = bytesOf(1, 3 * MIB);
    await driver.putVerified(KEY, chunked(bytes), { digest: digestOf(bytes), size: bytes.length });
    const { body } = await driver.get(KEY);
    fs.truncateSync(join(root, KEY), MIB + 1);
    await rejectsWith(collect(body), 'UNAVAILABLE');
  });

  it('leaves only directories that stay once everything is deleted', async () => {
    await driver.segments.commit('set', await append([], 'abc'), KEY);
    await driver.delete(KEY);
    assert.deepEqual(await filesBelow(root), []);
  });
});
