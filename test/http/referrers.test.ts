import assert from 'node:assert/strict';
import { Digest } from '../../src/domain/digest.js';
import { revisionLinkKey } from '../../src/domain/keys.js';
import { MEDIA_TYPE } from '../../src/domain/media-type.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { onEveryStore } from '../support/in-process.js';
import { Client, digestOf } from './client.js';
import type { Answer, ListedReferrer } from './client.js';
import { EMPTY_JSON, blobDescriptor, bytesOf, descriptorOf, imageOf, indexOf } from './content.js';
import type { Content, ContentDescriptor } from './content.js';

const SUBJECT = blobDescriptor(bytesOf(40, 4), MEDIA_TYPE.ociManifest);
const SUBJECT512 = { ...SUBJECT, digest: digestOf(bytesOf(40, 4), 'sha512') };

function signature(subject: ContentDescriptor, artifactType: string, note: string): Content {
  return imageOf([], { subject, artifactType, annotations: { note } });
}

const manifestsOf = (answer: Answer): readonly ListedReferrer[] =>
  (answer.json() as { manifests: ListedReferrer[] }).manifests;

const digestsOf = (listed: readonly ListedReferrer[]): readonly string[] =>
  listed.map(({ digest }) => digest);

onEveryStore('referrers', (bench) => {
  let client: Client;
  beforeEach(async () => {
    client = new Client(bench().node);
    await client.pushBlob('a', EMPTY_JSON);
  });

  const push = async (...manifests: readonly Content[]): Promise<void> => {
    for (const manifest of manifests) await client.pushManifest('a', manifest.digest, manifest);
  };

  it('are descriptors with artifactType and annotations, in order of digests, as an index of exactly its type', async () => {
    const manifests = ['one', 'two', 'three'].map((note) => signature(SUBJECT, 'example/sbom', note));
    await push(...manifests);
    const answer = (await client.get(`/v2/a/referrers/${SUBJECT.digest}`)).expect(200);
    assert.equal(answer.header('content-type'), 'application/vnd.oci.image.index.v1+json');
    const expected = manifests
      .map((manifest, i) => ({
        ...descriptorOf(manifest),
        artifactType: 'example/sbom',
        annotations: { note: ['one', 'two', 'three'][i] },
      }))
      .sort((a, b) => (a.digest < b.digest ? -1 : 1));
    assert.deepEqual(answer.json(), {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.ociIndex,
      manifests: expected,
    });
    assert.equal(answer.headers['oci-filters-applied'], undefined);
    assert.deepEqual(await client.referrers('b', SUBJECT.digest), []);
  });

  it('are filtered by artifactType, told by OCI-Filters-Applied', async () => {
    const wanted = signature(SUBJECT, 'example/a+b', '1');
    await push(wanted, signature(SUBJECT, 'example/c', '2'), indexOf([], { subject: SUBJECT }));
    for (const [type, found] of [
      ['example/a+b', [wanted.digest]],
      ['none', []],
    ] as const) {
      const query = `?artifactType=${encodeURIComponent(type)}`;
      const answer = (await client.get(`/v2/a/referrers/${SUBJECT.digest}${query}`)).expect(200);
      assert.equal(answer.header('oci-filters-applied'), 'artifactType');
      assert.deepEqual(digestsOf(manifestsOf(answer)), found);
    }
  });

  it('are paged by n; the Links carry the filter', async () => {
    const manifests = Array.from({ length: 7 }, (_, i) => signature(SUBJECT, 'example/a', `${i}`));
    await push(...manifests, signature(SUBJECT, 'example/b', 'x'));
    const pages = await client.pages(`/v2/a/referrers/${SUBJECT.digest}?artifactType=example%2Fa&n=3`);
    assert.deepEqual(
      pages.map((page) => manifestsOf(page).length),
      [3, 3, 1],
    );
    for (const page of pages) assert.equal(page.header('oci-filters-applied'), 'artifactType');
    assert.deepEqual(
      pages.flatMap((page) => digestsOf(manifestsOf(page))),
      manifests.map(({ digest }) => digest).sort(),
    );
    const none = (await client.get(`/v2/a/referrers/${SUBJECT.digest}?n=0`)).expect(200);
    assert.deepEqual([manifestsOf(none), none.headers.link], [[], undefined]);
  });

  it('are paged by bytes: no page is larger than clients read, whatever the alphabet', async () => {
    const long = 'é中'.repeat(200_000);
    const manifests = Array.from({ length: 6 }, (_, i) => signature(SUBJECT, 'example/a', `${i}${long}`));
    await push(...manifests);
    const pages = await client.pages(`/v2/a/referrers/${SUBJECT.digest}`);
    assert.ok(pages.length > 1);
    for (const page of pages)
      assert.ok(page.body.byteLength < 4 * 1024 * 1024, `${page.body.byteLength} bytes`);
    assert.deepEqual(
      pages.flatMap((page) => digestsOf(manifestsOf(page))),
      manifests.map(({ digest }) => digest).sort(),
    );
  });

  it('of a sha512 subject, and by sha512', async () => {
    const manifest = signature(SUBJECT512, 'example/a', '1');
    const sha512 = digestOf(manifest.bytes, 'sha512');
    const put = await client.pushManifest('a', sha512, manifest);
    assert.equal(put.header('oci-subject'), SUBJECT512.digest);
    assert.deepEqual(digestsOf(await client.referrers('a', SUBJECT512.digest)), [sha512]);
    assert.deepEqual(await client.referrers('a', SUBJECT.digest), []);
    (await client.call('DELETE', `/v2/a/manifests/${sha512}`)).expect(202);
    assert.deepEqual(await client.referrers('a', SUBJECT512.digest), []);
  });

  it('stay while their subject comes and goes, and vanish with themselves', async () => {
    const image = imageOf([]);
    const manifest = signature(descriptorOf(image), 'example/a', '1');
    await push(manifest);
    const listed = async () => digestsOf(await client.referrers('a', image.digest));
    assert.deepEqual(await listed(), [manifest.digest]);
    await push(image);
    assert.deepEqual(await listed(), [manifest.digest]);
    (await client.call('DELETE', `/v2/a/manifests/${image.digest}`)).expect(202);
    assert.deepEqual(await listed(), [manifest.digest]);
    (await client.call('DELETE', `/v2/a/manifests/${manifest.digest}`)).expect(202);
    assert.deepEqual(await listed(), []);
    await push(manifest);
    assert.deepEqual(await listed(), [manifest.digest]);
  });

  it('are not listed by what a listing still shows, or a crash left, of one whose manifest is gone', async () => {
    const manifest = signature(SUBJECT, 'example/a', '1');
    await push(manifest);
    const name = parseRepositoryName('a');
    await bench().node.driver.delete(revisionLinkKey(name, Digest.parse(manifest.digest)));
    const other = new Client(await bench().another());
    assert.deepEqual(await other.referrers('a', SUBJECT.digest), []);
  });

  it('of referrers: a chain', async () => {
    const first = signature(SUBJECT, 'example/a', '1');
    const second = signature(descriptorOf(first), 'example/b', '2');
    await push(first, second);
    assert.deepEqual(digestsOf(await client.referrers('a', SUBJECT.digest)), [first.digest]);
    assert.deepEqual(digestsOf(await client.referrers('a', first.digest)), [second.digest]);
  });
});
