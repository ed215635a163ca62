import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { Digest } from '../../src/domain/digest.js';
import { DAMAGED_PREFIX, blobDataKey, damagedMarkKey } from '../../src/domain/keys.js';
import { StorageError, isStorageError } from '../../src/ports/storage-driver.js';
import type { StorageDriver, StorageErrorCode } from '../../src/ports/storage-driver.js';
import { inProcessBus, onStore } from '../support/in-process.js';
import type { NodeOptions } from '../support/in-process.js';
import { withFaults } from '../registry/faulty.js';
import { Client, digestOf } from './client.js';
import { EMPTY_JSON, bytesOf, descriptorOf, imageOf, indexOf } from './content.js';

const BLOB = bytesOf(5000, 1);
const DIGEST = digestOf(BLOB);
const KEY = blobDataKey(Digest.parse(DIGEST));
const PATH = `/v2/a/blobs/${DIGEST}`;
const IMAGE = imageOf([BLOB]);

/** Lets what runs in the background go on until there is nothing left of it that memory alone could delay. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A store that can lose what one blob is made of. */
class DamageableStore {
  readonly driver: StorageDriver;
  /** What opening the blob fails with, `refusals` times. */
  opening: StorageErrorCode | undefined;
  refusals = Infinity;
  /** What its body fails with, midway. */
  reading: StorageErrorCode | undefined;
  /** What the store knows of its parts; undefined cannot be told now. */
  partsGone: boolean | undefined = false;
  proofs = 0;
  reads = 0;
  replacements = 0;

  constructor(private readonly store: StorageDriver) {
    const replacing = async <T>(replace: boolean | undefined, write: () => Promise<T>): Promise<T> => {
      const written = await write();
      if (replace === true) this.replaced();
      return written;
    };
    this.driver = withFaults(store, {
      get: async (key, options) => {
        if (key !== KEY) return store.get(key, options);
        this.reads += 1;
        if (this.opening !== undefined && this.refusals-- > 0)
          throw new StorageError(this.opening, 'not whole');
        const opened = await store.get(key, options);
        if (this.reading === undefined) return opened;
        opened.body.destroy();
        return { stat: opened.stat, body: new FailingBody(new StorageError(this.reading, 'ends early')) };
      },
      isDamaged: async () => {
        this.proofs += 1;
        if (this.partsGone === undefined) throw new StorageError('UNAVAILABLE', 'cannot be told');
        return this.partsGone;
      },
      putVerified: (key, body, options) =>
        replacing(options.replace, () => store.putVerified(key, body, options)),
      segments: withFaults(store.segments, {
        commit: (set, segments, target, options) =>
          replacing(options?.replace, () => store.segments.commit(set, segments, target, options)),
      }),
    });
  }

  /** As when one of its segments is lost. */
  losePart(): void {
    this.opening = 'MISMATCH';
    this.partsGone = true;
  }

  async marks(): Promise<readonly string[]> {
    return (await this.store.list({ prefix: DAMAGED_PREFIX, limit: 100 })).objects.map(({ key }) => key);
  }

  private replaced(): void {
    this.replacements += 1;
    this.opening = undefined;
    this.partsGone = false;
  }
}

/** Ends by an error after a part of the blob. */
class FailingBody extends Readable {
  private sent = false;

  constructor(private readonly failure: StorageError) {
    super();
  }

  override _read(): void {
    if (this.sent) this.destroy(this.failure);
    else this.push(BLOB.subarray(0, 1000));
    this.sent = true;
  }
}

describe('damaged blobs', () => {
  onStore('memory', (bench) => {
    let store: DamageableStore;
    let client: Client;
    beforeEach(async () => {
      store = new DamageableStore(bench().store.driver());
      client = await server();
      await client.pushBlob('a', EMPTY_JSON);
      await client.pushBlob('a', BLOB);
    });

    const server = async (options: NodeOptions = {}): Promise<Client> =>
      new Client(await bench().another({ driver: store.driver, ...options }));

    const pushByPatch = async (by = client): Promise<unknown> =>
      (await by.close(await by.patch(await by.openUpload('a'), [BLOB]), DIGEST)).expect(201);

    /** A read that fails, and what is found out because of it. */
    const failToRead = async (status = 503, by = client): Promise<void> => {
      (await by.get(PATH)).expect(status);
      await settled();
    };

    const damage = async (): Promise<void> => {
      store.losePart();
      await failToRead();
      assert.deepEqual(await store.marks(), [damagedMarkKey(Digest.parse(DIGEST))]);
    };

    const pushes: [string, () => Promise<unknown>][] = [
      ['one PUT', () => client.pushBlob('a', BLOB)],
      ['segments', () => pushByPatch()],
    ];
    for (const [what, push] of pushes) {
      it(`a blob whose parts are gone is not there for those who may push, until ${what} replaces it`, async () => {
        await client.pushBlob('b', EMPTY_JSON);
        await damage();
        (await client.head(PATH)).expect(404);
        const mount = `/v2/b/blobs/uploads/?mount=${DIGEST}&from=a`;
        (await client.call('POST', mount)).expect(202);
        (await client.putManifest('a', 't', IMAGE)).expectError(400, 'MANIFEST_BLOB_UNKNOWN');
        (await client.get(PATH)).expectError(500, 'UNKNOWN');
        await push();
        assert.equal(store.replacements, 1);
        assert.deepEqual(await store.marks(), []);
        (await client.head(PATH)).expect(200);
        assert.ok((await client.get(PATH)).expect(200).body.equals(BLOB));
        await client.pushManifest('a', 't', IMAGE);
        (await client.call('POST', mount)).expect(201);
        await push();
        assert.equal(store.replacements, 1);
      });
    }

    it('a server that has not heard of it: segments replace it at once, one PUT when it comes again', async () => {
      await damage();
      const other = await server();
      (await other.head(PATH)).expect(200);
      const direct = `/v2/a/blobs/uploads/?digest=${DIGEST}`;
      (await other.call('POST', direct, { body: BLOB })).expectError(503, 'UNAVAILABLE');
      (await other.call('POST', direct, { body: BLOB })).expect(201);
      assert.equal(store.replacements, 1);
      store.losePart();
      bench().store.clock.advance(60_000);
      await failToRead();
      assert.equal((await store.marks()).length, 1);
      await pushByPatch(await server());
      assert.equal(store.replacements, 2);
      assert.deepEqual(await store.marks(), []);
    });

    it('another server learns of it from the listing, and of its end from the store', async () => {
      await damage();
      const other = await server();
      await other.node.registry.damaged.learn();
      (await other.head(PATH)).expect(404);
      await client.pushBlob('a', BLOB);
      await other.pushManifest('a', 't', IMAGE);
      (await other.head(PATH)).expect(200);
      assert.deepEqual(await other.node.countOf(() => other.head(PATH)), {});
    });

    it('workers of one server tell each other', async () => {
      const [here, there] = inProcessBus(2);
      assert.ok(here && there);
      const [one, two] = [await server({ invalidations: here }), await server({ invalidations: there })];
      (await one.head(PATH)).expect(200);
      store.losePart();
      await failToRead(503, one);
      (await two.head(PATH)).expect(404);
      await two.pushBlob('a', BLOB);
      assert.deepEqual(await one.node.countOf(async () => (await one.head(PATH)).expect(200)), {});
    });

    it('a blob whose bytes have another digest is found out by reading them all', async () => {
      await bench().store.driver().put(KEY, bytesOf(5000, 2));
      Object.assign(store, { opening: 'MISMATCH', refusals: 1 });
      await failToRead();
      assert.equal(store.reads, 2);
      assert.equal((await store.marks()).length, 1);
      (await client.head(PATH)).expect(404);
    });

    it('a body that turns out not to be whole is examined too', async () => {
      store.reading = 'MISMATCH';
      store.partsGone = true;
      await assert.rejects(client.get(PATH));
      await settled();
      assert.equal((await store.marks()).length, 1);
    });

    it('nothing is proven by a body that is whole after all, by an outage, or by what cannot be told', async () => {
      const { clock } = bench().store;
      const innocent: [string, Partial<DamageableStore>, { proofs: number; reads: number }][] = [
        ['a refusal', { opening: 'MISMATCH', refusals: 1 }, { proofs: 1, reads: 2 }],
        ['no answer', { opening: 'MISMATCH', refusals: 1, partsGone: undefined }, { proofs: 1, reads: 1 }],
        ['an outage', { opening: 'UNAVAILABLE' }, { proofs: 0, reads: 1 }],
        ['a cut body', { reading: 'UNAVAILABLE' }, { proofs: 1, reads: 1 }],
      ];
      for (const [what, fault, expected] of innocent) {
        clock.advance(60_000);
        const none = { opening: undefined, refusals: Infinity, reading: undefined, partsGone: false };
        Object.assign(store, none, fault);
        Object.assign(store, { proofs: 0, reads: 0 });
        const answer = client.get(PATH);
        if (fault.reading !== undefined) await assert.rejects(answer);
        else (await answer).expectError(503, 'UNAVAILABLE');
        await settled();
        assert.deepEqual({ proofs: store.proofs, reads: store.reads }, expected, what);
        assert.deepEqual(await store.marks(), [], what);
        (await client.head(PATH)).expect(200);
      }
    });

    it('a read that fails while all is read again proves nothing', async () => {
      store.opening = 'MISMATCH';
      await failToRead();
      assert.equal(store.proofs, 1);
      assert.deepEqual(await store.marks(), []);
    });

    it('is examined once, however many read it; one that came to no end again after ten seconds', async () => {
      store.opening = 'MISMATCH';
      await Promise.all(Array.from({ length: 8 }, () => client.get(PATH)));
      await settled();
      await failToRead();
      assert.equal(store.proofs, 1);
      bench().store.clock.advance(9_999);
      await failToRead();
      assert.equal(store.proofs, 1);
      bench().store.clock.advance(1);
      await failToRead();
      assert.equal(store.proofs, 2);
    });

    it('a client that goes away, or a blob that is not there, is no reason to examine anything', async () => {
      const wire = await client.connect();
      wire.head(`GET ${PATH} HTTP/1.1`);
      await wire.until(/200 OK/);
      wire.destroy();
      await bench().store.driver().delete(KEY);
      (await client.get(PATH)).expectError(404, 'BLOB_UNKNOWN');
      await settled();
      assert.equal(store.proofs, 0);
    });

    it('a blob of another size is marked by one PUT, replaced by the next, and at once by segments', async () => {
      const cut = BLOB.subarray(0, 4000);
      const driver = bench().store.driver();
      await driver.put(KEY, cut);
      const fresh = await server();
      const direct = `/v2/a/blobs/uploads/?digest=${DIGEST}`;
      (await fresh.call('POST', direct, { body: BLOB })).expectError(503, 'UNAVAILABLE');
      assert.equal((await store.marks()).length, 1);
      (await fresh.head(PATH)).expect(404);
      (await fresh.call('POST', direct, { body: BLOB })).expect(201);
      await driver.put(KEY, cut);
      await pushByPatch(await server());
      assert.equal((await driver.stat(KEY)).size, BLOB.byteLength);
      assert.deepEqual(await store.marks(), []);
      const empty = digestOf(Buffer.alloc(0));
      await driver.put(blobDataKey(Digest.parse(empty)), cut);
      (await client.close(await client.openUpload('a'), empty)).expect(201);
      assert.equal((await client.get(`/v2/a/blobs/${empty}`)).expect(200).body.byteLength, 0);
    });

    it('a push whose mark cannot be removed is not acknowledged', async () => {
      await damage();
      const stuck = await server({
        driver: withFaults(store.driver, {
          delete: () => Promise.reject(new StorageError('UNAVAILABLE', 'away')),
        }),
      });
      await stuck.node.registry.damaged.learn();
      const direct = `/v2/a/blobs/uploads/?digest=${DIGEST}`;
      (await stuck.call('POST', direct, { body: BLOB })).expectError(503, 'UNAVAILABLE');
      assert.equal((await store.marks()).length, 1);
      await client.pushBlob('a', BLOB);
      (await client.head(PATH)).expect(200);
    });

    it('a push of other bytes under the digest neither replaces it nor removes the mark', async () => {
      await damage();
      const direct = `/v2/a/blobs/uploads/?digest=${DIGEST}`;
      (await client.call('POST', direct, { body: bytesOf(5000, 9) })).expectError(400, 'DIGEST_INVALID');
      assert.equal(store.replacements, 0);
      assert.equal((await store.marks()).length, 1);
    });

    it('on a store that another registry writes to there is no mark, and this server knows by itself', async () => {
      const shared = await server({ shared: true });
      store.losePart();
      await failToRead(503, shared);
      assert.deepEqual(await store.marks(), []);
      (await shared.head(PATH)).expect(404);
      await shared.pushBlob('a', BLOB);
      assert.equal(store.replacements, 1);
      (await shared.head(PATH)).expect(200);
    });

    it('a listing of the marks that fails is no error of the server', async () => {
      const driver = withFaults(store.driver, {
        list: () => Promise.reject(new StorageError('UNAVAILABLE', 'no listing')),
      });
      const blind = await server({ driver });
      blind.node.registry.damaged.watch()();
      await settled();
      (await blind.head(PATH)).expect(200);
    });

    it('a manifest of other bytes than its digest is marked, not there for pushers, and replaced', async () => {
      await client.pushManifest('a', 't', IMAGE);
      const digest = Digest.parse(IMAGE.digest);
      const driver = bench().store.driver();
      await driver.put(blobDataKey(digest), Buffer.from('{"schemaVersion":2}'));
      const other = await server();
      const url = `/v2/a/manifests/${IMAGE.digest}`;
      (await other.get(url)).expectError(500, 'UNKNOWN');
      assert.deepEqual(await store.marks(), [damagedMarkKey(digest)]);
      const { manifests } = other.node.registry;
      const name = 'a' as Parameters<typeof manifests.get>[0];
      const asked = { forPush: true };
      await assert.rejects(manifests.get(name, { kind: 'digest', digest }, asked), /manifest unknown/);
      const index = indexOf([descriptorOf(IMAGE)]);
      (await other.putManifest('a', 'i', index)).expectError(400, 'MANIFEST_BLOB_UNKNOWN');
      await client.node.registry.damaged.learn();
      // This one still holds the bytes in memory.
      (await client.get(url)).expect(200);
      await client.pushManifest('a', 't', IMAGE);
      assert.deepEqual(await store.marks(), []);
      assert.ok((await driver.read(blobDataKey(digest))).equals(IMAGE.bytes));
      assert.ok((await other.get(url)).expect(200).body.equals(IMAGE.bytes));
      await other.pushManifest('a', 'i', index);
    });

    it('a manifest that is not whole in the store is examined, and replaced by a push', async () => {
      await client.pushManifest('a', 't', IMAGE);
      const key = blobDataKey(Digest.parse(IMAGE.digest));
      let whole = false;
      const driver = withFaults(store.driver, {
        read: async (asked, options) => {
          if (asked === key && !whole) throw new StorageError('MISMATCH', 'not whole');
          return store.driver.read(asked, options);
        },
        put: async (asked, bytes, options) => {
          if (asked === key && options?.ifAbsent !== true) whole = true;
          return store.driver.put(asked, bytes, options);
        },
      });
      store.partsGone = true;
      const other = await server({ driver });
      const url = `/v2/a/manifests/${IMAGE.digest}`;
      (await other.get(url)).expectError(503, 'UNAVAILABLE');
      await settled();
      (await other.get(url)).expectError(500, 'UNKNOWN');
      await other.pushManifest('a', 't', IMAGE);
      (await other.get(url)).expect(200);
      assert.deepEqual(await store.marks(), []);
    });

    it('only a mark in the store counts: one that could not be written is forgotten', async () => {
      const driver = withFaults(store.driver, {
        put: async (key, bytes, options) => {
          if (key.startsWith(DAMAGED_PREFIX)) throw new StorageError('UNAVAILABLE', 'away');
          return store.driver.put(key, bytes, options);
        },
      });
      const other = await server({ driver });
      store.losePart();
      await failToRead(503, other);
      (await other.head(PATH)).expect(200);
      await assert.rejects(other.node.registry.damaged.mark(Digest.parse(DIGEST)), (error) =>
        isStorageError(error, 'UNAVAILABLE'),
      );
    });
  });
});
