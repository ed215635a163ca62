import assert from 'node:assert/strict';
import { onStore } from '../support/in-process.js';
import type { RegistryNode } from '../support/in-process.js';
import type { StorageOperation } from '../../src/ports/telemetry.js';
import { Client, digestOf, withDigest } from './client.js';
import { EMPTY_JSON, blobDescriptor, bytesOf, descriptorOf, imageOf, indexOf } from './content.js';

type Counts = Partial<Record<StorageOperation, number>>;

const BLOB = bytesOf(5000, 1);
const DIGEST = digestOf(BLOB);
const FIRST = BLOB.subarray(0, 2000);
const REST = BLOB.subarray(2000);

/*
 * DESIGN §5's table counts Swift requests. The memory driver makes as many, but for what only Swift needs: it
 * keeps no owner records, so POST + PATCH + PUT of one segment is 4 here and 5 there.
 */
describe('storage requests', () => {
  onStore('memory', (bench) => {
    let client: Client;
    let node: RegistryNode;
    beforeEach(async () => {
      node = bench().node;
      client = new Client(node);
      // The key that signs sessions is found once a process; the marker of the catalog once a repository.
      await client.openUpload('a');
      await client.pushManifest('a', 'warm', indexOf([]));
    });

    const assertCounts = async (expected: Counts, work: () => Promise<unknown>, at = node): Promise<void> => {
      assert.deepEqual(await at.countOf(work), expected);
    };

    /** A server that has nothing in memory but its session key. */
    const cold = async (): Promise<{ client: Client; node: RegistryNode }> => {
      const fresh = await bench().another();
      await new Client(fresh).openUpload('a');
      return { client: new Client(fresh), node: fresh };
    };

    it('opening a session: none; the first of a process finds the key', async () => {
      await assertCounts({}, () => client.openUpload('b'));
      const fresh = await bench().another();
      await assertCounts({ list: 1, read: 1 }, () => new Client(fresh).openUpload('a'), fresh);
    });

    it('a blob of known digest: 2, +1 catalog marker in a new repository', async () => {
      const location = await client.openUpload('a');
      await assertCounts({ putVerified: 1, put: 1 }, () => client.close(location, DIGEST, { body: BLOB }));
      await assertCounts({ putVerified: 1, put: 2 }, () =>
        client.call('POST', `/v2/new/blobs/uploads/?digest=${digestOf(FIRST)}`, { body: FIRST }),
      );
      // Once more: the size of what is there and whether it is marked as damaged, and what its link holds.
      await assertCounts({ putVerified: 1, put: 1, stat: 2, read: 1 }, () => client.pushBlob('a', BLOB));
    });

    it('POST + PATCH + PUT: segment, step, commit, link', async () => {
      await assertCounts({ 'segments.append': 1, put: 2, 'segments.commit': 1 }, async () => {
        (await client.close(await client.patch(await client.openUpload('a'), BLOB), DIGEST)).expect(201);
      });
    });

    it('POST + PATCH + PUT: a further PATCH is its segment and its step', async () => {
      await assertCounts({ 'segments.append': 2, put: 3, 'segments.commit': 1 }, async () => {
        const location = await client.patch(await client.patch(await client.openUpload('a'), FIRST), REST);
        (await client.close(location, DIGEST)).expect(201);
      });
    });

    it('POST + PATCH + PUT with the last chunk: no step for it', async () => {
      await assertCounts({ 'segments.append': 2, put: 2, 'segments.commit': 1 }, async () => {
        const location = await client.patch(await client.openUpload('a'), FIRST);
        (await client.close(location, DIGEST, { body: REST })).expect(201);
      });
    });

    it('POST + PATCH + PUT: +1 when another node finishes, and no byte is read again', async () => {
      const location = await client.patch(await client.openUpload('a'), BLOB);
      const other = await cold();
      // The other node also puts the catalog marker, which it does not know to be there.
      await assertCounts(
        { read: 1, 'segments.commit': 1, put: 2 },
        async () => (await other.client.close(location, DIGEST)).expect(201),
        other.node,
      );
    });

    it('POST + PATCH + PUT: a continuation on another node reads the bytes once', async () => {
      const location = await client.patch(await client.openUpload('a'), FIRST);
      const other = await cold();
      await assertCounts(
        { read: 1, 'segments.read': 1, 'segments.append': 1, put: 1 },
        () => other.client.patch(location, REST),
        other.node,
      );
    });

    it('status: 2 and one for each step after the Location', async () => {
      const location = await client.patch(await client.openUpload('a'), FIRST);
      await assertCounts({ read: 2 }, () => client.get(location));
      const other = await cold();
      await assertCounts({ read: 3 }, () => other.client.get(location), other.node);
    });

    it('cancel: step 0 read and written, the others listed', async () => {
      const location = await client.patch(await client.openUpload('a'), FIRST);
      await assertCounts({ read: 1, put: 1, list: 1 }, () => client.call('DELETE', location));
    });

    it('mount: 1 when membership is known, 3 when not, +1 where the link is there (+1 catalog marker in a new repository)', async () => {
      await client.pushBlob('a', BLOB);
      await client.pushManifest('b', 'x', indexOf([]));
      const mount = `/v2/b/blobs/uploads/?mount=${DIGEST}&from=a`;
      await assertCounts({ put: 1 }, async () => (await client.call('POST', mount)).expect(201));
      const other = await cold();
      await other.client.pushManifest('b', 'x', indexOf([]));
      await assertCounts(
        { read: 2, stat: 1, put: 1 },
        async () => (await other.client.call('POST', mount)).expect(201),
        other.node,
      );
      const uncached = await bench().another({ cacheMaxAge: 0 });
      await new Client(uncached).pushManifest('b', 'x', indexOf([]));
      await assertCounts(
        { read: 2, stat: 1, put: 1 },
        async () => (await new Client(uncached).call('POST', mount)).expect(201),
        uncached,
      );
    });

    it('manifest PUT: 4, +1 with a subject, +2 a reference not known', async () => {
      await client.pushBlob('a', EMPTY_JSON);
      await client.pushBlob('a', BLOB);
      const image = imageOf([BLOB]);
      await assertCounts({ put: 4 }, () => client.pushManifest('a', 't', image));
      await assertCounts({ put: 5 }, () =>
        client.pushManifest('a', 't', imageOf([], { subject: descriptorOf(image) })),
      );
      await assertCounts({ put: 2 }, () =>
        client.pushManifest(
          'a',
          digestOf(indexOf([descriptorOf(image)]).bytes),
          indexOf([descriptorOf(image)]),
        ),
      );
      const other = await cold();
      await other.client.pushManifest('a', 'warm', indexOf([]));
      const another = imageOf([BLOB], { annotations: { another: 'one' } });
      await assertCounts(
        { read: 2, stat: 2, put: 4 },
        () => other.client.pushManifest('a', 't', another),
        other.node,
      );
    });

    it('manifest PUT again: its link is there, +1 read', async () => {
      const index = indexOf([]);
      await assertCounts({ put: 4, read: 1 }, () => client.pushManifest('a', 'again', index));
    });

    it('manifest PUT: +1 for a type that the body does not tell, +2 a further tag', async () => {
      const bytes = Buffer.from('{"schemaVersion":2,"manifests":[]}');
      const other = { mediaType: 'application/vnd.example+json', bytes, digest: digestOf(bytes) };
      await assertCounts({ put: 5 }, () => client.pushManifest('a', 'typed', other));
      const tagged = indexOf([], { annotations: { tagged: 'twice' } });
      await assertCounts({ put: 6 }, () =>
        client.pushManifest('a', `${tagged.digest}?tag=one&tag=two`, tagged),
      );
    });

    it('manifest GET and HEAD: by tag 1, by digest 0; cold 2 and the type where the body does not tell it', async () => {
      const index = indexOf([]);
      for (const method of ['GET', 'HEAD']) {
        await assertCounts({ read: 1 }, () => client.call(method, '/v2/a/manifests/warm'));
        await assertCounts({}, () => client.call(method, `/v2/a/manifests/${index.digest}`));
      }
      const other = await cold();
      await assertCounts({ read: 2 }, () => other.client.get(`/v2/a/manifests/${index.digest}`), other.node);
      const bytes = Buffer.from('{"schemaVersion":2,"manifests":[]}');
      await client.pushManifest('a', 'plain', {
        mediaType: descriptorOf(index).mediaType,
        bytes,
        digest: digestOf(bytes),
      });
      await assertCounts(
        { read: 3 },
        () => other.client.get(`/v2/a/manifests/${digestOf(bytes)}`),
        other.node,
      );
      const third = await cold();
      await assertCounts({ read: 2 }, () => third.client.get('/v2/a/manifests/warm'), third.node);
      // What is not found is looked for once more.
      await assertCounts({ read: 2 }, () => client.get('/v2/a/manifests/none'));
    });

    it('blob HEAD: 0, cold 2; blob GET: 1, cold 2, a cold range 3 (the size comes first)', async () => {
      await client.pushBlob('a', BLOB);
      const path = `/v2/a/blobs/${DIGEST}`;
      await assertCounts({}, () => client.head(path));
      await assertCounts({ get: 1 }, () => client.get(path));
      await assertCounts({ get: 1 }, () => client.get(path, { range: 'bytes=5-9' }));
      await assertCounts({}, () => client.get(path, { 'if-none-match': `"${DIGEST}"` }));
      const head = await cold();
      await assertCounts({ read: 1, stat: 1 }, () => head.client.head(path), head.node);
      const get = await cold();
      await assertCounts({ read: 1, get: 1 }, () => get.client.get(path), get.node);
      await assertCounts({ get: 1 }, () => get.client.get(path), get.node);
      const part = await cold();
      const range = { range: 'bytes=5-9' };
      await assertCounts({ read: 1, stat: 1, get: 1 }, () => part.client.get(path, range), part.node);
      await assertCounts({ read: 1 }, () => client.head(`/v2/a/blobs/${digestOf(REST)}`));
    });

    it('lists: one listing, tags none while they are remembered', async () => {
      await assertCounts({ list: 1 }, () => client.tags('a'));
      await assertCounts({}, () => client.tags('a'));
      await assertCounts({ list: 1 }, () => client.get('/v2/_catalog'));
      await assertCounts({ list: 1 }, () => client.referrers('a', DIGEST));
    });

    it('referrers: one listing, and for each the descriptor, once a process', async () => {
      await client.pushBlob('a', EMPTY_JSON);
      const subject = blobDescriptor(BLOB);
      for (const note of ['1', '2']) {
        const manifest = imageOf([], { subject, annotations: { note } });
        await client.pushManifest('a', manifest.digest, manifest);
      }
      await assertCounts({ list: 1, read: 2 }, () => client.referrers('a', subject.digest));
      await assertCounts({ list: 1 }, () => client.referrers('a', subject.digest));
    });

    it('what is refused by its name or its digest costs nothing', async () => {
      const location = await client.openUpload('a');
      await assertCounts({}, async () => {
        (await client.get('/v2/A/tags/list')).expect(400);
        (await client.get('/v2/a/blobs/sha256:1')).expect(400);
        (await client.call('PUT', location)).expect(400);
        (await client.get(withDigest(location.replace('.sha256.', '.sha512.'), DIGEST))).expect(404);
        (await client.get('/v2/')).expect(200);
      });
    });
  });
});
