import assert from 'node:assert/strict';
import { CATALOG_PREFIX, KEY_ROOTS } from '../../src/domain/keys.js';
import { MEDIA_TYPE } from '../../src/domain/media-type.js';
import { adoptStore } from '../../src/jobs/adopt-store.js';
import { listAll } from '../../src/ports/listing.js';
import { openFormat } from '../../src/registry/store-format.js';
import { onEveryStore } from '../support/in-process.js';
import { Client, digestOf } from './client.js';
import { EMPTY_JSON, bytesOf, descriptorOf, imageOf, indexOf, jsonContent } from './content.js';
import type { Content } from './content.js';

const IMAGE = imageOf([]);
const SIGNATURE = imageOf([], { subject: descriptorOf(IMAGE), artifactType: 'example/signature' });
/** As a client of a registry without referrers API pushed it: the fallback tag alone tells of it. */
const ATTACHED = imageOf([], { annotations: { attached: 'by tag' } });
const LISTED = {
  ...descriptorOf(ATTACHED),
  artifactType: 'example/attached',
  annotations: { listed: 'yes' },
};
const GONE = { ...descriptorOf(imageOf([bytesOf(9)])), artifactType: 'example/gone' };
const FALLBACK = indexOf([{ ...LISTED }, { ...GONE }, descriptorOf(SIGNATURE)]);
const FALLBACK_TAG = IMAGE.digest.replace(':', '-');

onEveryStore(
  'a store that another registry writes to',
  (bench) => {
    let client: Client;
    beforeEach(async () => {
      const { node } = bench();
      client = new Client(node);
      await client.pushBlob('a/b', EMPTY_JSON);
      await client.pushManifest('a/b', 't', IMAGE);
    });

    const push = async (manifest: Content, reference = manifest.digest): Promise<unknown> =>
      client.pushManifest('a/b', reference, manifest);

    const keysOf = async (prefix: string): Promise<string[]> => {
      const keys: string[] = [];
      for await (const key of listAll(bench().node.driver, { prefix })) keys.push(key);
      return keys;
    };

    const pushAll = async (): Promise<void> => {
      await push(SIGNATURE);
      await push(ATTACHED);
      await new Client(await bench().another({ references: 'sparse', shared: true })).pushManifest(
        'a/b',
        FALLBACK_TAG,
        FALLBACK,
      );
    };

    const expected = [{ ...descriptorOf(SIGNATURE), artifactType: 'example/signature' }, LISTED].sort(
      (x, y) => (x.digest < y.digest ? -1 : 1),
    );

    it('gets no marker: not of the catalog, not of referrers', async () => {
      await pushAll();
      (await client.call('DELETE', `/v2/a/b/manifests/${SIGNATURE.digest}`)).expect(202);
      const [, own] = KEY_ROOTS;
      const ours = (await keysOf(own)).filter((key) => !key.startsWith('stackyard/v1/keys/'));
      assert.deepEqual(ours, []);
    });

    it('shows in the catalog what is there now', async () => {
      await client.pushBlob('a', EMPTY_JSON);
      assert.deepEqual((await client.get('/v2/_catalog')).json(), { repositories: ['a', 'a/b'] });
      const pages = await client.pages('/v2/_catalog?n=1');
      assert.equal(pages.length, 2);
      (await client.call('DELETE', `/v2/a/blobs/${digestOf(EMPTY_JSON)}`)).expect(202);
      assert.deepEqual((await client.get('/v2/_catalog')).json(), { repositories: ['a/b'] });
    });

    it('has as referrers what names the subject and what the fallback tag lists, as long as it is there', async () => {
      assert.deepEqual(await client.referrers('a/b', IMAGE.digest), []);
      await pushAll();
      assert.deepEqual(await client.referrers('a/b', IMAGE.digest), expected);
      const filtered = await client.referrers('a/b', IMAGE.digest, '?artifactType=example%2Fattached');
      assert.deepEqual(filtered, [LISTED]);
      for (const { digest } of [SIGNATURE, ATTACHED]) {
        (await client.call('DELETE', `/v2/a/b/manifests/${digest}`)).expect(202);
      }
      assert.deepEqual(await client.referrers('a/b', IMAGE.digest), []);
    });

    it('a fallback tag of a sha512 subject has its hex cut to 64', async () => {
      const sha512 = digestOf(IMAGE.bytes, 'sha512');
      await push(ATTACHED);
      await push(indexOf([LISTED]), `sha512-${sha512.slice(7, 7 + 64)}`);
      assert.deepEqual(await client.referrers('a/b', sha512), [LISTED]);
    });

    it('adopt: reports without writing; with finish imports all, once and for all', async () => {
      const { node, another } = bench();
      await pushAll();
      const { driver } = node;
      const own = await another({ shared: false, references: 'sparse', cacheMaxAge: 0 });
      const format = await openFormat(driver);
      assert.deepEqual(format, { version: 1, origin: 'distribution', shared: true });

      const none = { count: 0, bytes: 0 };
      const blobs = { plain: { count: 5, bytes: 2026 }, large: none, legacy: none };
      const report = { origin: 'distribution', repositories: 1, referrers: 2, blobs };
      assert.deepEqual(await adoptStore(driver, own.registry, format, { finish: false }), {
        ...report,
        shared: true,
      });
      assert.deepEqual(await keysOf(CATALOG_PREFIX), []);
      assert.equal((await openFormat(driver)).shared, true);

      for (let time = 1; time <= 2; time++) {
        const adopted = await adoptStore(driver, own.registry, await openFormat(driver), { finish: true });
        assert.deepEqual(adopted, { ...report, shared: false });
        assert.deepEqual(await openFormat(driver), { version: 1, origin: 'distribution', shared: false });
      }
      const after = new Client(await another());
      assert.deepEqual((await after.get('/v2/_catalog')).json(), { repositories: ['a/b'] });
      assert.deepEqual(await after.referrers('a/b', IMAGE.digest), expected);
      (await after.call('DELETE', `/v2/a/b/manifests/${SIGNATURE.digest}`)).expect(202);
      assert.deepEqual(await after.referrers('a/b', IMAGE.digest), [LISTED]);
    });
  },
  { shared: true },
);

describe("distribution's own files", () => {
  onEveryStore('a store laid out by distribution', (bench) => {
    it('is served: links, a type from the body, a sha512 link that holds a sha256', async () => {
      const { driver } = bench().node;
      const bodiless = jsonContent('', {
        schemaVersion: 2,
        config: { mediaType: 'x/y', digest: digestOf(EMPTY_JSON), size: 2 },
        layers: [],
      });
      const put = (path: string, bytes: Buffer | string): Promise<unknown> =>
        driver.put(`docker/registry/v2/${path}` as Parameters<typeof driver.put>[0], Buffer.from(bytes));
      const hexOf = (digest: string): string => digest.split(':')[1] ?? '';
      const data = (bytes: Buffer): Promise<unknown> => {
        const hex = hexOf(digestOf(bytes));
        return put(`blobs/sha256/${hex.slice(0, 2)}/${hex}/data`, bytes);
      };
      const repository = 'repositories/library/old';
      const sha512 = digestOf(EMPTY_JSON, 'sha512');
      await data(EMPTY_JSON);
      await data(bodiless.bytes);
      await put(`${repository}/_layers/sha256/${hexOf(digestOf(EMPTY_JSON))}/link`, digestOf(EMPTY_JSON));
      await put(`${repository}/_layers/sha512/${hexOf(sha512)}/link`, digestOf(EMPTY_JSON));
      await put(`${repository}/_manifests/revisions/sha256/${hexOf(bodiless.digest)}/link`, bodiless.digest);
      await put(`${repository}/_manifests/tags/latest/current/link`, bodiless.digest);
      await put(
        `${repository}/_manifests/tags/latest/index/sha256/${hexOf(bodiless.digest)}/link`,
        bodiless.digest,
      );

      const format = await openFormat(driver);
      assert.deepEqual(format, { version: 1, origin: 'distribution', shared: true });
      const client = new Client(await bench().another({ shared: format.shared }));
      const answer = (await client.get('/v2/library/old/manifests/latest')).expect(200);
      assert.equal(answer.header('content-type'), MEDIA_TYPE.ociManifest);
      assert.ok(answer.body.equals(bodiless.bytes));
      for (const digest of [digestOf(EMPTY_JSON), sha512]) {
        const blob = (await client.get(`/v2/library/old/blobs/${digest}`)).expect(200);
        assert.ok(blob.body.equals(EMPTY_JSON));
        assert.equal(blob.header('docker-content-digest'), digest);
      }
      assert.deepEqual((await client.get('/v2/_catalog')).json(), { repositories: ['library/old'] });
      assert.deepEqual(await client.tags('library/old'), ['latest']);
    });

    it('a link that holds no digest, and bytes that are not their digest, are errors, not absence', async () => {
      const client = new Client(bench().node);
      const { driver } = bench().node;
      const index = indexOf([]);
      await client.pushBlob('a', EMPTY_JSON);
      await client.pushManifest('a', 't', index);
      const key = (path: string) => `docker/registry/v2/${path}` as Parameters<typeof driver.put>[0];
      const layer = digestOf(EMPTY_JSON).slice(7);
      await driver.put(key(`repositories/a/_layers/sha256/${layer}/link`), Buffer.from('sha256:half'));
      await driver.put(key('repositories/a/_manifests/tags/t/current/link'), Buffer.alloc(0));
      const hex = index.digest.slice(7);
      await driver.put(
        key(`blobs/sha256/${hex.slice(0, 2)}/${hex}/data`),
        Buffer.from('{"schemaVersion":2}'),
      );
      const fresh = new Client(await bench().another());
      (await fresh.get(`/v2/a/blobs/sha256:${layer}`)).expectError(503, 'UNAVAILABLE');
      (await fresh.get('/v2/a/manifests/t')).expectError(503, 'UNAVAILABLE');
      (await fresh.get(`/v2/a/manifests/${index.digest}`)).expectError(500, 'UNKNOWN');
    });
  });
});
