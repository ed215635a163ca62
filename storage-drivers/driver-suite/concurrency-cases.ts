import assert from 'node:assert/strict';
import { isStorageError } from '../../src/ports/storage-driver.js';
import { bytesOf, chunked, digestOf } from './bodies.js';
import { outcomes, type Subject } from './subject.js';

const WRITERS = 16;

export function concurrencyCases(subject: () => Subject): void {
  it('shows readers whole versions alone while many overwrite', async () => {
    const key = subject().key();
    const { driver, options } = subject();
    const versions = Array.from({ length: WRITERS }, (_, i) => bytesOf(i, 40_000 + 7000 * i));
    const known = new Set(versions.map((bytes) => digestOf(bytes).hex));
    await driver.put(key, versions[0] ?? Buffer.alloc(0));
    let writing = true;
    const read = async (how: () => Promise<Buffer>): Promise<number> => {
      let count = 0;
      for (; writing; count++) {
        const bytes = await how().catch((error: unknown) => {
          if (options.steadyOverwrite === false && isStorageError(error, 'NOT_FOUND')) return undefined;
          throw error;
        });
        assert.ok(bytes === undefined || known.has(digestOf(bytes).hex), 'a torn object was read');
      }
      return count;
    };
    const readers = [read(() => driver.read(key)), read(() => subject().content(key))];
    const writers = versions.map(async (bytes, i) => {
      for (let round = 0; round < 5; round++) {
        if (i % 2 === 0) await driver.put(key, bytes);
        else {
          const verified = { digest: digestOf(bytes), size: bytes.length, replace: true };
          await driver.putVerified(key, chunked(bytes, 10_000), verified);
        }
      }
    });
    await Promise.all(writers).finally(() => (writing = false));
    for (const count of await Promise.all(readers)) assert.ok(count > 0);
    assert.ok(known.has(digestOf(await driver.read(key)).hex));
  });

  it('lets one of many create an object', async () => {
    const { driver, options } = subject();
    const bytes = bytesOf(1, 100_000);
    const verified = { digest: digestOf(bytes), size: bytes.length };
    const creations = {
      put: (key: ReturnType<Subject['key']>) => driver.put(key, bytes, { ifAbsent: true }),
      putVerified: (key: ReturnType<Subject['key']>) => driver.putVerified(key, chunked(bytes), verified),
    };
    for (const [what, create] of Object.entries(creations)) {
      const key = subject().key(`created/by/${what}`);
      const ended = await outcomes(Array.from({ length: WRITERS }, () => create(key)));
      const created = ended.filter((outcome) => outcome === 'ok').length;
      assert.equal(created + ended.filter((outcome) => outcome === 'EXISTS').length, WRITERS, ended.join());
      assert.ok(
        options.atomicCreate === false ? created >= 1 : created === 1,
        `${what}: ${created} created it`,
      );
      assert.ok((await driver.read(key)).equals(bytes));
    }
  });

  it('takes many streams at once', async () => {
    const { driver } = subject();
    await Promise.all(
      Array.from({ length: 32 }, async (_, i) => {
        const bytes = bytesOf(i, 300_000 + i);
        const key = subject().key(`streams/${i % 4}/${i}`);
        if (i % 2 === 0) {
          await driver.putVerified(key, chunked(bytes, 5000), {
            digest: digestOf(bytes),
            size: bytes.length,
          });
        } else {
          const set = subject().set();
          const first = await driver.segments.append(set, [], chunked(bytes.subarray(0, 100_000), 5000));
          const all = await driver.segments.append(set, first, chunked(bytes.subarray(100_000), 5000));
          await driver.segments.commit(set, all, key);
        }
        assert.ok((await subject().content(key)).equals(bytes));
      }),
    );
  });

  it('puts beside what is being deleted', async () => {
    const { driver } = subject();
    await Promise.all(
      Array.from({ length: 8 }, async (_, writer) => {
        for (let round = 0; round < 15; round++) {
          const key = subject().key(`prune/a/b/${writer % 2}/${writer}`);
          const bytes = Buffer.from(`${writer} ${round}`);
          if (round % 3 === 0) {
            await driver.putVerified(key, chunked(bytes), { digest: digestOf(bytes), size: bytes.length });
          } else await driver.put(key, bytes, { ifAbsent: round % 3 === 1 });
          assert.ok((await driver.read(key)).equals(bytes));
          if (round % 2 === 0) await driver.delete(key);
          else assert.deepEqual(await driver.deleteMany([key]), []);
        }
      }),
    );
    await subject().listed(async () => {
      const { objects, prefixes } = await driver.list({
        prefix: 'docker/registry/v2/suite/',
        delimiter: '/',
        limit: 9,
      });
      assert.deepEqual([objects, prefixes], [[], []]);
    });
  });
}
