import assert from 'node:assert/strict';
import { listedKey } from '../../src/domain/keys.js';
import { bytesOf, digestOf, chunked } from './bodies.js';
import { rejectsWith, type Subject } from './subject.js';

const KIB = 1024;
const SIZES = [
  0,
  1,
  2,
  71,
  4095,
  4096,
  4097,
  64 * KIB - 1,
  64 * KIB,
  64 * KIB + 1,
  1024 * KIB,
  1024 * KIB + 1,
];
const V2 = 'docker/registry/v2';
const INVALID_KEYS = [
  '',
  '/',
  'x',
  `/${V2}/a`,
  V2,
  `${V2}/`,
  `${V2}/a/`,
  `${V2}//a`,
  `${V2}/a//b`,
  `${V2}/./a`,
  `${V2}/a/.`,
  `${V2}/a/../b`,
  `${V2}/..`,
  `${V2}/../../../../etc/passwd`,
  `../${V2}/a`,
  `${V2}x/a`,
  `${V2}/a\0b`,
  `${V2}/\ud800`,
  `${V2}/${'é'.repeat(128)}`,
  `${V2}/${'a/'.repeat(503)}bcd`,
  'stackyard/tmp/a',
  'stackyard/segments/a/b',
];
const UNUSUAL_NAMES = [
  'a b',
  'a%2Fb',
  'a%b',
  'a+b',
  'a?b=c&d',
  'a#b',
  'a!b',
  'it\'s "it"',
  'a\\b',
  '...',
  '.hidden',
  '-',
  'line\nbreak',
  'é',
  'e\u0301',
  '\u{1f980}',
  '\uff21',
  'é'.repeat(127),
];

export function objectCases(subject: () => Subject): void {
  it('reads back what was put, of any size', async () => {
    const { driver } = subject();
    for (const [seed, size] of SIZES.entries()) {
      const key = subject().key();
      const bytes = bytesOf(seed, size);
      assert.equal((await driver.put(key, bytes)).size, size);
      assert.equal((await driver.stat(key)).size, size);
      assert.ok((await driver.read(key)).equals(bytes), `read of ${size} bytes`);
      assert.ok((await subject().content(key)).equals(bytes), `get of ${size} bytes`);
    }
  });

  it('keeps bytes that are no UTF-8', async () => {
    const key = subject().key();
    const bytes = Buffer.concat([
      Buffer.from(Array.from({ length: 256 }, (_, i) => 255 - i)),
      Buffer.from('\r\n\n'),
    ]);
    await subject().driver.put(key, bytes);
    assert.deepEqual(await subject().driver.read(key), bytes);
  });

  it('does not depend on the buffer it was given', async () => {
    const key = subject().key();
    const bytes = Buffer.from('before');
    await subject().driver.put(key, bytes);
    bytes.fill('x');
    assert.equal((await subject().driver.read(key)).toString(), 'before');
  });

  it('hands out bytes that a caller may change', async () => {
    const key = subject().key();
    await subject().driver.put(key, Buffer.from('before'));
    (await subject().driver.read(key)).fill('x');
    assert.equal((await subject().driver.read(key)).toString(), 'before');
  });

  it('tells size and time alike in put, stat, get and list', async () => {
    const key = subject().key();
    const { driver } = subject();
    const put = await driver.put(key, Buffer.from('four'));
    const got = await driver.get(key);
    got.body.destroy();
    const all = [await driver.stat(key), await driver.stat(key, { fresh: true }), got.stat];
    await subject().listed(async () => {
      const [listed] = (await driver.list({ prefix: key, limit: 1 })).objects;
      assert.ok(listed);
      for (const stat of [...all, listed]) {
        assert.equal(stat.size, 4);
        const apart = Math.abs(stat.lastModified.getTime() - put.lastModified.getTime());
        assert.ok(apart <= 1000, `${apart} ms apart`);
      }
    });
  });

  it('says NOT_FOUND of what is not there', async () => {
    const { driver } = subject();
    await driver.put(subject().key('there/file'), Buffer.from('x'));
    for (const name of ['nowhere', 'there', 'there/file/below', 'there/other', 'there/file2', 'there/fil']) {
      const key = listedKey(`docker/registry/v2/suite/${name}`);
      await rejectsWith(driver.stat(key), 'NOT_FOUND');
      await rejectsWith(driver.stat(key, { fresh: true }), 'NOT_FOUND');
      await rejectsWith(driver.read(key), 'NOT_FOUND');
      await rejectsWith(driver.get(key), 'NOT_FOUND');
      await rejectsWith(driver.get(key, { range: { start: 0, end: 1 } }), 'NOT_FOUND');
    }
  });

  it('overwrites with shorter and with longer bytes', async () => {
    const key = subject().key();
    for (const text of ['a longer text', 'short', '', 'a longer text again']) {
      await subject().driver.put(key, Buffer.from(text));
      assert.equal((await subject().driver.read(key)).toString(), text);
    }
  });

  it('refuses to overwrite with ifAbsent', async () => {
    const key = subject().key();
    const { driver } = subject();
    await driver.put(key, Buffer.from('first'), { ifAbsent: true });
    await rejectsWith(driver.put(key, Buffer.from('second'), { ifAbsent: true }), 'EXISTS');
    assert.equal((await driver.read(key)).toString(), 'first');
    await driver.delete(key);
    await driver.put(key, Buffer.from('third'), { ifAbsent: true });
    assert.equal((await driver.read(key)).toString(), 'third');
  });

  it('takes an expiry that lies far away', async () => {
    const key = subject().key();
    await subject().driver.put(key, Buffer.from('x'), { expiresAfter: 86400 });
    assert.equal((await subject().driver.read(key)).toString(), 'x');
  });

  it('deletes one object alone, idempotently', async () => {
    const { driver } = subject();
    const names = ['d/a', 'd/a-b', 'd/ab', 'd/b/c', 'd/b/d', 'e'];
    const keys = names.map((name) => subject().key(name));
    for (const key of keys) await driver.put(key, Buffer.from(key));
    await driver.delete(subject().key('d'));
    await driver.delete(subject().key('d/b'));
    await driver.delete(subject().key('e/f'));
    for (const key of keys) assert.equal((await driver.read(key)).toString(), key);
    for (const [i, key] of keys.entries()) {
      await driver.delete(key);
      await driver.delete(key);
      await rejectsWith(driver.stat(key), 'NOT_FOUND');
      for (const other of keys.slice(i + 1)) assert.equal((await driver.read(other)).toString(), other);
    }
  });

  it('deletes many, missing ones among them', async () => {
    const { driver } = subject();
    const keys = Array.from({ length: 60 }, (_, i) => subject().key(`many/${i % 7}/${i}`));
    const kept = subject().key('many/0/kept');
    await Promise.all([...keys, kept].map((key) => driver.put(key, Buffer.from('x'))));
    const missing = Array.from({ length: 5 }, (_, i) => subject().key(`many/missing/${i}`));
    assert.deepEqual(await driver.deleteMany([...missing, ...keys, ...keys.slice(0, 3)]), []);
    for (const key of keys) await rejectsWith(driver.stat(key), 'NOT_FOUND');
    assert.ok(await subject().present(kept));
    assert.deepEqual(await driver.deleteMany([]), []);
  });

  it('can put again what was deleted', async () => {
    const key = subject().key('deep/er/still/object');
    for (const text of ['one', 'two']) {
      await subject().driver.put(key, Buffer.from(text), { ifAbsent: true });
      assert.equal((await subject().driver.read(key)).toString(), text);
      await subject().driver.delete(key);
    }
  });

  it('takes any name', async () => {
    const { driver } = subject();
    const longest = `longest/${'a/'.repeat(360)}`.padEnd(800 - 'docker/registry/v2/suite/'.length, 'b');
    const keys = [...UNUSUAL_NAMES, longest].map((name) => subject().key(name));
    for (const key of keys) await driver.put(key, Buffer.from(key));
    for (const key of keys) assert.equal((await driver.read(key)).toString(), key);
    await subject().listed(async () => {
      const { objects } = await driver.list({ prefix: 'docker/registry/v2/suite/', limit: 100 });
      assert.deepEqual(objects.map(({ key }) => key).sort(), keys.sort());
    });
  });

  it('refuses keys that cannot be stored', async () => {
    const { driver } = subject();
    const bytes = Buffer.from('x');
    for (const text of INVALID_KEYS) {
      const key = listedKey(text);
      const digest = digestOf(bytes);
      await rejectsWith(driver.stat(key), 'INVALID_KEY');
      await rejectsWith(driver.get(key), 'INVALID_KEY');
      await rejectsWith(driver.read(key), 'INVALID_KEY');
      await rejectsWith(driver.put(key, bytes), 'INVALID_KEY');
      await rejectsWith(driver.putVerified(key, chunked(bytes), { digest, size: 1 }), 'INVALID_KEY');
      await rejectsWith(driver.delete(key), 'INVALID_KEY');
      await rejectsWith(driver.segments.commit('set', [], key), 'INVALID_KEY');
    }
  });

  it('finds no damage in what is whole, nor in what is not there', async () => {
    const key = subject().key();
    assert.equal(await subject().driver.isDamaged(key), false);
    await subject().driver.put(key, Buffer.from('whole'));
    assert.equal(await subject().driver.isDamaged(key), false);
  });

  it('gives a URL or none to read by', async () => {
    const key = subject().key();
    const { driver } = subject();
    const { lastModified } = await driver.put(key, Buffer.from('x'));
    const expiresAt = new Date(lastModified.getTime() + 60_000);
    const url = await driver.signedUrl(key, { method: 'GET', expiresAt });
    assert.ok(url === undefined || url instanceof URL);
  });

  it('ends at once with the reason of a signal that is aborted', async () => {
    const { driver } = subject();
    const key = subject().key();
    await driver.put(key, Buffer.from('x'));
    const reason = new Error('no longer wanted');
    const signal = AbortSignal.abort(reason);
    const body = (): AsyncIterable<Uint8Array> => chunked(Buffer.from('y'));
    const digest = digestOf(Buffer.from('y'));
    await assert.rejects(driver.stat(key, { signal }), reason);
    await assert.rejects(driver.get(key, { signal }), reason);
    await assert.rejects(driver.read(key, { signal }), reason);
    await assert.rejects(driver.put(key, Buffer.from('y'), { signal }), reason);
    await assert.rejects(driver.putVerified(key, body(), { digest, size: 1, replace: true, signal }), reason);
    await assert.rejects(driver.list({ prefix: key, limit: 1, signal }), reason);
    await assert.rejects(driver.delete(key, { signal }), reason);
    await assert.rejects(driver.deleteMany([key], { signal }), reason);
    await assert.rejects(driver.segments.append(subject().set(), [], body(), { signal }), reason);
    await assert.rejects(driver.segments.commit(subject().set(), [], key, { signal }), reason);
    assert.equal((await driver.read(key)).toString(), 'x');
  });
}

/** For stores that several processes may open. */
export function sharingCases(subject: () => Subject): void {
  it('shows another process what it acknowledged', async () => {
    const { fixture, driver } = subject();
    assert.ok(fixture.reopen !== undefined, 'the fixture of a store of many processes has reopen');
    const [put, verified, committed] = [subject().key(), subject().key(), subject().key()];
    const bytes = bytesOf(7, 300_000);
    await driver.put(put, bytes);
    await driver.putVerified(verified, chunked(bytes), { digest: digestOf(bytes), size: bytes.length });
    const set = subject().set();
    const segments = await driver.segments.append(set, [], chunked(bytes));
    await driver.segments.commit(set, segments, committed);
    const other = await fixture.reopen();
    for (const key of [put, verified, committed]) assert.ok((await other.read(key)).equals(bytes));
    await other.close();
  });
}
