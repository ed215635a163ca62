import assert from 'node:assert/strict';
import { inProcessBus, onEveryStore } from '../support/in-process.js';
import { Client, digestOf } from './client.js';
import { EMPTY_JSON, bytesOf, descriptorOf, imageOf } from './content.js';

const PARTS = [bytesOf(1000, 1), bytesOf(70_000, 2), bytesOf(3, 3), bytesOf(500_000, 4)];
const WHOLE = Buffer.concat(PARTS);

/** Requests go to the clients in turn. */
class Turns {
  private at = 0;
  constructor(private readonly clients: readonly Client[]) {}

  get next(): Client {
    const client = this.clients[(this.at += 1) % this.clients.length];
    assert.ok(client);
    return client;
  }
}

onEveryStore(
  'two servers over one store, nothing cached',
  (bench) => {
    let turns: Turns;
    beforeEach(async () => {
      turns = new Turns(
        [bench().node, await bench().another({ cacheMaxAge: 0 })].map((node) => new Client(node)),
      );
    });

    for (const algorithm of ['sha256', 'sha512']) {
      for (const query of ['', '?digest-algorithm=sha512']) {
        it(`an upload whose requests alternate, closed by ${algorithm}, opened with "${query}"`, async () => {
          let location = await turns.next.openUpload('a', query);
          let end = 0;
          for (const part of PARTS) {
            assert.equal((await turns.next.get(location)).header('range'), `0-${Math.max(0, end - 1)}`);
            location = (await turns.next.patchChunk(location, end, part)).expect(202).header('location');
            end += part.byteLength;
          }
          const digest = digestOf(WHOLE, algorithm);
          for (let time = 1; time <= 2; time++) {
            (await turns.next.close(location, digest)).expect(201);
            assert.ok((await turns.next.get(`/v2/a/blobs/${digest}`)).expect(200).body.equals(WHOLE));
          }
        });
      }
    }

    it('an out-of-order chunk and a late writer are 416 on the other server too', async () => {
      const start = await turns.next.openUpload('a');
      const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = PARTS;
      const next = await turns.next.patch(start, first);
      (await turns.next.patchChunk(start, 0, first)).expectError(416, 'RANGE_INVALID');
      (await turns.next.call('PATCH', start, { body: second })).expectError(416, 'RANGE_INVALID');
      (await turns.next.patchChunk(next, 5, second)).expectError(416, 'RANGE_INVALID');
      (await turns.next.patchChunk(next, first.byteLength, second)).expect(202);
    });

    it('what one cancelled is 404 on the other: GET, PATCH, DELETE', async () => {
      for (const sent of [false, true]) {
        const start = await turns.next.openUpload('a');
        const location = sent ? await turns.next.patch(start, WHOLE) : start;
        (await turns.next.call('DELETE', location)).expect(204);
        (await turns.next.get(location)).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
        (await turns.next.get(start)).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
        (await turns.next.call('PATCH', start, { body: WHOLE })).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
        (await turns.next.call('DELETE', location)).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
      }
    });

    it('manifests, tags, referrers, catalog and blobs: each change is seen by the other at once', async () => {
      const image = imageOf([]);
      const other = imageOf([], { annotations: { other: 'yes' } });
      const signature = imageOf([], { subject: descriptorOf(image) });
      for (const blob of [EMPTY_JSON, WHOLE]) await turns.next.pushBlob('a', blob);
      await turns.next.pushManifest('a', 't', image);
      for (let turn = 1; turn <= 2; turn++) {
        assert.equal(
          (await turns.next.head('/v2/a/manifests/t')).expect(200).header('docker-content-digest'),
          image.digest,
        );
        assert.deepEqual(await turns.next.tags('a'), ['t']);
        assert.deepEqual((await turns.next.get('/v2/_catalog')).json(), { repositories: ['a'] });
      }
      await turns.next.pushManifest('a', signature.digest, signature);
      for (let turn = 1; turn <= 2; turn++)
        assert.equal((await turns.next.referrers('a', image.digest)).length, 1);
      await turns.next.pushManifest('a', 't', other);
      for (let turn = 1; turn <= 2; turn++) {
        assert.ok((await turns.next.get('/v2/a/manifests/t')).body.equals(other.bytes));
      }
      (await turns.next.call('DELETE', `/v2/a/manifests/${signature.digest}`)).expect(202);
      (await turns.next.call('DELETE', `/v2/a/manifests/${other.digest}`)).expect(202);
      (await turns.next.call('DELETE', `/v2/a/blobs/${digestOf(EMPTY_JSON)}`)).expect(202);
      for (let turn = 1; turn <= 2; turn++) {
        assert.deepEqual(await turns.next.referrers('a', image.digest), []);
        for (const reference of ['t', other.digest])
          (await turns.next.head(`/v2/a/manifests/${reference}`)).expect(404);
        assert.deepEqual(await turns.next.tags('a'), []);
        (await turns.next.head(`/v2/a/blobs/${digestOf(EMPTY_JSON)}`)).expect(404);
        (await turns.next.putManifest('a', 'x', image)).expectError(400, 'MANIFEST_BLOB_UNKNOWN');
      }
    });
  },
  { cacheMaxAge: 0 },
);

onEveryStore('two workers joined by a bus, everything cached', (bench) => {
  let first: Client;
  let second: Client;
  beforeEach(async () => {
    const workers = inProcessBus(2).map((invalidations) =>
      bench().another({ invalidations, cacheMaxAge: 60_000 }),
    );
    const [one, two] = await Promise.all(workers);
    assert.ok(one && two);
    first = new Client(one);
    second = new Client(two);
  });

  const both = async (work: (client: Client) => Promise<unknown>): Promise<void> => {
    for (const client of [first, second]) await work(client);
  };

  it('what one deletes or tags the other has forgotten before the answer', async () => {
    const image = imageOf([]);
    for (const blob of [EMPTY_JSON, WHOLE]) await first.pushBlob('a', blob);
    await first.pushManifest('a', 't', image);
    await both(async (client) => {
      (await client.head(`/v2/a/blobs/${digestOf(EMPTY_JSON)}`)).expect(200);
      (await client.head(`/v2/a/manifests/${image.digest}`)).expect(200);
      assert.deepEqual(await client.tags('a'), ['t']);
    });
    await second.pushManifest('a', 'u', image);
    await both(async (client) => assert.deepEqual(await client.tags('a'), ['t', 'u']));
    (await first.call('DELETE', '/v2/a/manifests/t')).expect(202);
    await both(async (client) => assert.deepEqual(await client.tags('a'), ['u']));
    (await first.call('DELETE', `/v2/a/blobs/${digestOf(EMPTY_JSON)}`)).expect(202);
    (await second.call('DELETE', `/v2/a/manifests/${image.digest}`)).expect(202);
    await both(async (client) => {
      (await client.head(`/v2/a/blobs/${digestOf(EMPTY_JSON)}`)).expect(404);
      (await client.head(`/v2/a/manifests/${image.digest}`)).expect(404);
      assert.deepEqual(await client.tags('a'), []);
    });
  });

  it('a session that one cancelled, or found false, is 404 for everything on the other', async () => {
    const ends: ((location: string) => Promise<unknown>)[] = [
      async (location) => (await first.call('DELETE', location)).expect(204),
      async (location) =>
        (await first.close(location, digestOf(EMPTY_JSON))).expectError(400, 'DIGEST_INVALID'),
    ];
    for (const end of ends) {
      const start = await second.openUpload('a');
      const location = await second.patch(start, WHOLE);
      await end(location);
      for (const url of [start, location]) {
        (await second.get(url)).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
        (await second.call('PATCH', url, { body: WHOLE })).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
        (await second.close(url, digestOf(WHOLE))).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
        (await second.close(url, digestOf(WHOLE), { body: WHOLE })).expectError(404, 'BLOB_UPLOAD_UNKNOWN');
      }
    }
  });
});

onEveryStore('two servers that cache', (bench) => {
  it('remember membership for cache.maxAge at most, and never that something is missing', async () => {
    const { store } = bench();
    const [first, second] = (
      await Promise.all([bench().another({ cacheMaxAge: 5000 }), bench().another({ cacheMaxAge: 5000 })])
    ).map((node) => new Client(node));
    assert.ok(first && second);
    const blob = `/v2/a/blobs/${digestOf(EMPTY_JSON)}`;
    (await second.head(blob)).expect(404);
    await first.pushBlob('a', EMPTY_JSON);
    (await second.head(blob)).expect(200);
    (await first.call('DELETE', blob)).expect(202);
    (await first.head(blob)).expect(404);
    store.clock.advance(4999);
    (await second.head(blob)).expect(200);
    store.clock.advance(1);
    (await second.head(blob)).expect(404);
  });
});
