import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { MIRROR_FETCHES_PREFIX, layerLinkKey } from '../../src/domain/keys.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { withFaults } from '../registry/faulty.js';
import { openStore } from '../support/in-process.js';
import type { TestStore } from '../support/in-process.js';
import { checked } from '../../src/storage/checked.js';
import { NAME, TestUpstream, bytesOf, digestOf, isTold, openMirror, pull, until } from './mirror-world.js';
import type { MirrorNode, MirrorNodeOptions } from './mirror-world.js';

const KIB = 1024;
const SMALL = randomBytes(10 * KIB);
const LARGE = randomBytes(3 * KIB * KIB + 123);

for (const storeName of ['memory', 'filesystem'] as const) {
  describe(`blobs of the mirror [${storeName}]`, () => {
    let store: TestStore;
    let upstream: TestUpstream;
    const nodes: MirrorNode[] = [];

    beforeEach(async () => {
      store = await openStore(storeName);
      upstream = await TestUpstream.start();
    });

    afterEach(async () => {
      await Promise.all(nodes.splice(0).map(({ mirror }) => mirror.close()));
      await upstream.stop();
      await store.remove();
    });

    const openOn = (driver: StorageDriver, options?: MirrorNodeOptions): MirrorNode => {
      const node = openMirror(checked(driver), upstream, options);
      nodes.push(node);
      return node;
    };
    const open = (options?: MirrorNodeOptions): MirrorNode => openOn(store.driver(), options);
    /** What it tells others is written late, so that more comes meanwhile. */
    const openSlowToTell = (options?: MirrorNodeOptions): MirrorNode => {
      const driver = store.driver();
      return openOn(
        withFaults(driver, {
          put: async (key, bytes, given) => {
            if (key.startsWith(MIRROR_FETCHES_PREFIX) && given?.ifAbsent !== true) await delay(200);
            return driver.put(key, bytes, given);
          },
        }),
        options,
      );
    };
    const isHeld = async ({ registry }: MirrorNode, digest: ReturnType<typeof digestOf>): Promise<boolean> =>
      registry.blobs.has(NAME, digest);
    /** Waits for what goes on without those who asked. */
    const settled = async ({ mirror }: MirrorNode, digest: ReturnType<typeof digestOf>): Promise<void> => {
      await mirror.take(NAME, digest);
    };
    /** Answers blobs with these bytes and this length, then lets the connection be. */
    const answering =
      (bytes: Buffer, length = bytes.byteLength) =>
      (_asked: unknown, response: ServerResponse): boolean => {
        response.writeHead(200, { 'Content-Length': length });
        response.write(bytes);
        return true;
      };

    for (const [what, bytes] of [
      ['small', SMALL],
      ['large', LARGE],
      ['empty', Buffer.alloc(0)],
    ] as const) {
      it(`takes a ${what} blob once and keeps it`, async () => {
        const [node, other] = [open(), open()];
        const digest = upstream.blob(bytes);
        assert.ok((await pull(node, digest)).equals(bytes));
        await settled(node, digest);
        await upstream.stop();
        assert.ok((await pull(node, digest)).equals(bytes));
        assert.ok((await pull(other, digest)).equals(bytes));
        assert.deepEqual(upstream.asked, [`GET blobs/${digest.toString()}`]);
      });

      it(`takes a ${what} blob once for 50 who ask at once, and each gets all of it`, async () => {
        const node = open();
        const digest = upstream.blob(bytes);
        const pulled = await Promise.all(Array.from({ length: 50 }, () => pull(node, digest)));
        assert.ok(pulled.every((each) => each.equals(bytes)));
        assert.equal(upstream.asked.length, 1);
        const kinds = node.events.flatMap(({ kind }) => (kind === 'hit' || kind === 'miss' ? [kind] : []));
        assert.deepEqual([kinds.filter((kind) => kind === 'miss').length, kinds.length], [1, 50]);
      });
    }

    it('takes by sha512, too', async () => {
      const node = open();
      for (const bytes of [SMALL, LARGE]) {
        const digest = upstream.blob(bytes, 'sha512');
        assert.ok((await pull(node, digest)).equals(bytes));
        await settled(node, digest);
        assert.ok((await pull(open(), digest)).equals(bytes));
      }
      assert.equal(upstream.asked.length, 2);
    });

    it('tells the size of what it has not yet without taking it', async () => {
      const node = open();
      const digest = upstream.blob(LARGE);
      assert.equal((await node.mirror.registry.blobs.stat(NAME, digest)).size, LARGE.byteLength);
      assert.deepEqual(upstream.asked, [`HEAD blobs/${digest.toString()}`]);
      assert.equal(await isHeld(node, digest), false);
    });

    it('serves ranges of what it is taking', async () => {
      const node = open();
      const digest = upstream.blob(LARGE);
      const { blobs } = node.mirror.registry;
      const ranges = [
        { start: 0, end: 0 },
        { start: 1_500_000, end: 1_600_000 },
        { start: 2_900_000, end: LARGE.byteLength - 1 },
      ];
      const read = ranges.map(async (range) => {
        const member = await blobs.stat(NAME, digest);
        return bytesOf(await blobs.open(NAME, digest, member, range));
      });
      for (const [i, { start, end }] of ranges.entries())
        assert.ok((await read[i])?.equals(LARGE.subarray(start, end + 1)));
      assert.equal(upstream.asked.filter((line) => line.startsWith('GET')).length, 1);
    });

    it('goes on when the client leaves, and does not wait for one that is slow', async () => {
      const node = open();
      const digest = upstream.blob(LARGE);
      const { blobs } = node.mirror.registry;
      const [gone, slow] = await Promise.all([blobs.openWhole(NAME, digest), blobs.openWhole(NAME, digest)]);
      gone.body.destroy();
      const reading = slow.body[Symbol.asyncIterator]();
      const first = (await reading.next()).value as Buffer;
      await settled(node, digest);
      assert.equal(await isHeld(node, digest), true);
      const parts = [first];
      for (let step = await reading.next(); step.done !== true; step = await reading.next())
        parts.push(step.value as Buffer);
      assert.ok(Buffer.concat(parts).equals(LARGE));
      assert.equal(upstream.asked.length, 1);
    });

    it('gives no whole body, and keeps nothing, of what has another digest', async () => {
      for (const bytes of [SMALL, LARGE]) {
        const node = open();
        const digest = digestOf(Buffer.concat([bytes, Buffer.from('!')]));
        upstream.meddling = (_asked, response) => {
          response.writeHead(200, { 'Content-Length': bytes.byteLength }).end(bytes);
          return true;
        };
        const { body } = await node.mirror.registry.blobs.openWhole(NAME, digest);
        let seen = 0;
        body.on('data', (chunk: Buffer) => (seen += chunk.byteLength));
        const [error] = (await once(body, 'error')) as [Error];
        assert.match(error.message, /up .*has another digest/);
        assert.ok(seen < bytes.byteLength, `${seen} bytes`);
        assert.equal(await isHeld(node, digest), false);
        assert.equal(await isHeld(node, digestOf(bytes)), false);
        await until(async () => (await node.driver.segments.list({ limit: 10 })).sets.length === 0);
        await assert.rejects(node.mirror.take(NAME, digest), { code: 'UNAVAILABLE', status: 503 });
      }
    });

    it('goes on where a body broke off', async () => {
      const node = open();
      const digest = upstream.blob(LARGE);
      let cuts = 0;
      upstream.meddling = (asked, response) => {
        if (cuts === 3) return false;
        const from = Number(/\d+/.exec(asked.headers.range ?? '0')?.[0]);
        cuts += 1;
        response.writeHead(from > 0 ? 206 : 200, {
          'Content-Length': LARGE.byteLength - from,
          ...(from > 0 && { 'Content-Range': `bytes ${from}-${LARGE.byteLength - 1}/${LARGE.byteLength}` }),
        });
        response.write(LARGE.subarray(from, from + 700_000), () => response.destroy());
        return true;
      };
      assert.ok((await pull(node, digest)).equals(LARGE));
      assert.equal(upstream.asked.length, 4);
    });

    it('gives up on a body that always breaks off', async () => {
      const node = open();
      const digest = upstream.blob(LARGE);
      upstream.meddling = (asked, response) => {
        if (asked.headers.range !== undefined) return response.writeHead(503).end() !== undefined;
        response.writeHead(200, { 'Content-Length': LARGE.byteLength });
        response.write(LARGE.subarray(0, 1000), () => response.destroy());
        return true;
      };
      await assert.rejects(pull(node, digest));
      assert.equal(await isHeld(node, digest), false);
      upstream.meddling = () => false;
    });

    it('ends a body that does not end', async () => {
      const node = open({ limits: { maxBlobBytes: 1_000_000 } });
      const digest = upstream.blob(LARGE);
      await assert.rejects(pull(node, digest), { code: 'UNAVAILABLE' });
      upstream.meddling = ({ method }, response) => {
        response.writeHead(200);
        if (method === 'HEAD') return response.end() === response;
        const more = (): boolean =>
          response.destroyed || response.write(randomBytes(100 * KIB), (error) => void (error ?? more()));
        return more() || true;
      };
      await assert.rejects(pull(node, digestOf(SMALL)), { code: 'UNAVAILABLE' });
      await until(async () => (await node.driver.segments.list({ limit: 10 })).sets.length === 0);
    });

    it('takes no more of what comes without a length than a HEAD says', async () => {
      const node = open();
      upstream.meddling = ({ method }, response) => {
        response.writeHead(200, method === 'HEAD' ? { 'Content-Length': LARGE.byteLength } : {});
        if (method === 'HEAD') return response.end() === response;
        const more = (): boolean =>
          response.destroyed || response.write(randomBytes(100 * KIB), (error) => void (error ?? more()));
        return more() || true;
      };
      await assert.rejects(pull(node, digestOf(LARGE)), /gives more than \d+ bytes for sha256/);
      await until(async () => (await node.driver.segments.list({ limit: 10 })).sets.length === 0);
    });

    it('stores what comes without a length before it gives it', async () => {
      const node = open();
      const digest = digestOf(LARGE);
      upstream.meddling = (_asked, response) => {
        response.writeHead(200);
        response.end(LARGE);
        return true;
      };
      assert.ok((await pull(node, digest)).equals(LARGE));
      assert.equal(await isHeld(node, digest), true);
    });

    it('remembers for a while what there is not', async () => {
      const node = open();
      const digest = digestOf(SMALL);
      for (let i = 0; i < 3; i += 1) await assert.rejects(pull(node, digest), { code: 'BLOB_UNKNOWN' });
      await assert.rejects(node.mirror.registry.blobs.stat(NAME, digest), { code: 'BLOB_UNKNOWN' });
      assert.equal(upstream.asked.length, 1);
    });

    it('gives nothing that the upstream has not, whatever else lies in the store', async () => {
      const node = open();
      const own = parseRepositoryName('team/secret');
      const digest = digestOf(SMALL);
      const body = Object.assign(Readable.from([SMALL]), { interrupted: false, length: SMALL.byteLength });
      await node.registry.uploads.putWhole(own, digest, body);
      await assert.rejects(pull(node, digest), { code: 'BLOB_UNKNOWN' });
      await assert.rejects(node.mirror.registry.blobs.stat(NAME, digest), { code: 'BLOB_UNKNOWN' });
      assert.ok((await pull(node, digest, own)).equals(SMALL));
      await assert.rejects(node.driver.stat(layerLinkKey(NAME, digest)), { code: 'NOT_FOUND' });
    });

    it('takes a blob once for two processes', async () => {
      const [one, other] = [open(), open()];
      const digest = upstream.blob(LARGE);
      const waiting: ServerResponse[] = [];
      upstream.meddling = (_asked, response) => {
        waiting.push(response.writeHead(200, { 'Content-Length': LARGE.byteLength }));
        return response.write(LARGE.subarray(0, 1000));
      };
      const opened = await one.mirror.registry.blobs.openWhole(NAME, digest);
      await until(() => isTold(one, digest));
      const pulling = Promise.all([pull(other, digest), pull(other, digest), bytesOf(opened.body)]);
      for (const response of waiting) response.end(LARGE.subarray(1000));
      const pulled = await pulling;
      assert.ok(pulled[0].equals(LARGE) && pulled[1].equals(LARGE));
      assert.deepEqual(upstream.asked, [`GET blobs/${digest.toString()}`]);
      await settled(one, digest);
      assert.equal(await isHeld(other, digest), true);
    });

    it('takes over from a process that shows no sign of life', async () => {
      const dying = openSlowToTell({ limits: { beatEvery: 3_600_000 } });
      const other = open({ limits: { deadAfter: 1500 } });
      const digest = upstream.blob(LARGE);
      let stalled = 0;
      let isOver = false;
      upstream.meddling = ({ headers }, response) => {
        if (headers.range !== undefined) return isOver ? response.writeHead(404).end() !== undefined : true;
        stalled += 1;
        return (
          stalled === 1 && answering(LARGE.subarray(0, 600 * KIB), LARGE.byteLength)(undefined, response)
        );
      };
      const { body } = await dying.mirror.registry.blobs.openWhole(NAME, digest);
      body.on('error', () => undefined);
      await until(() => isTold(dying, digest));
      // Who had the beginning of what came to no end cannot have the rest of something else.
      const begun = await other.mirror.registry.blobs.openWhole(NAME, digest);
      await once(begun.body, 'readable');
      await assert.rejects(bytesOf(begun.body), { code: 'UNAVAILABLE' });
      assert.ok((await pull(other, digest)).equals(LARGE));
      assert.equal(stalled, 2);
      isOver = true;
    });

    it('tells those who wait elsewhere at once that it gave up', async () => {
      const [one, other] = [open(), open({ limits: { deadAfter: 3_600_000 } })];
      const digest = upstream.blob(LARGE);
      const first: ServerResponse[] = [];
      upstream.meddling = ({ headers }, response) => {
        if (headers.range !== undefined) return response.writeHead(404).end() !== undefined;
        if (first.push(response) > 1) return false;
        return answering(LARGE.subarray(0, 600 * KIB), LARGE.byteLength)(undefined, response);
      };
      const { body } = await one.mirror.registry.blobs.openWhole(NAME, digest);
      body.on('error', () => undefined);
      await until(() => isTold(one, digest));
      const theirs = await other.mirror.registry.blobs.openWhole(NAME, digest);
      assert.equal(upstream.asked.length, 1);
      await once(theirs.body, 'readable');
      for (const response of first) response.destroy();
      await assert.rejects(bytesOf(theirs.body), { code: 'UNAVAILABLE' });
      assert.ok((await pull(other, digest)).equals(LARGE));
      assert.equal(first.length, 2);
    });

    it('lets go of what it is taking when the server stops', async () => {
      const node = open();
      const digest = upstream.blob(LARGE);
      upstream.meddling = (_asked, response) =>
        answering(LARGE.subarray(0, 100 * KIB), LARGE.byteLength)(undefined, response);
      const { body } = await node.mirror.registry.blobs.openWhole(NAME, digest);
      const failed = once(body, 'error');
      body.resume();
      const [[error]] = (await Promise.all([failed, node.mirror.close()])) as [[unknown], unknown];
      assert.ok(error instanceof Error);
      const { objects } = await node.driver.list({ prefix: MIRROR_FETCHES_PREFIX, limit: 10 });
      for (const { key } of objects) {
        const { ended } = JSON.parse((await node.driver.read(key)).toString()) as { ended?: string };
        assert.equal(ended, 'failed');
      }
      nodes.splice(0);
    });
  });
}
