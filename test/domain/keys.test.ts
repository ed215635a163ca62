import assert from 'node:assert/strict';
import { Digest } from '../../src/domain/digest.js';
import { compareKeys, sortKeys } from '../../src/domain/key-order.js';
import { keyFault, prefixFault } from '../../src/domain/key-rules.js';
import {
  KEY_ROOTS,
  blobDataKey,
  blobDigestOfKey,
  catalogMarkerKey,
  damagedMarkKey,
  digestOfKey,
  flatName,
  layerLinkKey,
  layersPrefix,
  linkedDigest,
  manifestExtrasPrefixes,
  mediaTypeKey,
  mirrorUseKey,
  pinKey,
  referrerKey,
  referrersPrefix,
  repositoryFilesPrefix,
  revisionLinkKey,
  revisionsPrefix,
  segmentOwnerKey,
  tagCurrentKey,
  tagIndexKey,
  tagsPrefix,
  unflatName,
  uploadStepKey,
} from '../../src/domain/keys.js';
import { parseTag } from '../../src/domain/reference.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';

const NAME = parseRepositoryName('library/a-b');
const SHA256 = Digest.of('sha256', `ab${'0'.repeat(62)}`);
const SHA512 = Digest.of('sha512', `cd${'1'.repeat(126)}`);
const TAG = parseTag('v1');

describe('domain/keys', () => {
  /** CNCF distribution, registry/storage/paths.go; then stackyard/v1/, whose change is a new store version. */
  const layout: readonly (readonly [string, string])[] = [
    [blobDataKey(SHA256), `docker/registry/v2/blobs/sha256/ab/${SHA256.hex}/data`],
    [
      layerLinkKey(NAME, SHA512),
      `docker/registry/v2/repositories/library/a-b/_layers/sha512/${SHA512.hex}/link`,
    ],
    [
      revisionLinkKey(NAME, SHA256),
      `docker/registry/v2/repositories/library/a-b/_manifests/revisions/sha256/${SHA256.hex}/link`,
    ],
    [tagCurrentKey(NAME, TAG), 'docker/registry/v2/repositories/library/a-b/_manifests/tags/v1/current/link'],
    [
      tagIndexKey(NAME, TAG, SHA256),
      `docker/registry/v2/repositories/library/a-b/_manifests/tags/v1/index/sha256/${SHA256.hex}/link`,
    ],
    [catalogMarkerKey(NAME), 'stackyard/v1/catalog/library!a-b'],
    [
      referrerKey(NAME, SHA512, SHA256),
      `stackyard/v1/referrers/library!a-b/sha512/${SHA512.hex}/sha256/${SHA256.hex}`,
    ],
    [mediaTypeKey(NAME, SHA256), `stackyard/v1/types/library!a-b/sha256/${SHA256.hex}`],
    [mirrorUseKey(NAME, SHA256), `stackyard/v1/mirror/uses/library!a-b/sha256/${SHA256.hex}`],
    [uploadStepKey('set', 0), 'stackyard/v1/uploads/set/0'],
    [segmentOwnerKey('set', SHA256.hex), `stackyard/v1/segments/set/${SHA256.hex}`],
    [damagedMarkKey(SHA256), `stackyard/v1/damaged/sha256/${SHA256.hex}`],
  ];
  for (const [key, expected] of layout) {
    it(expected.replaceAll(/[0-9a-f]{64,}/g, '…'), () => {
      assert.equal(key, expected);
      assert.equal(keyFault(key), undefined);
    });
  }

  it('prefixes begin the keys that they list', () => {
    assert.ok(revisionLinkKey(NAME, SHA256).startsWith(revisionsPrefix(NAME)));
    assert.ok(tagCurrentKey(NAME, TAG).startsWith(tagsPrefix(NAME)));
    assert.ok(referrerKey(NAME, SHA512, SHA256).startsWith(referrersPrefix(NAME, SHA512)));
    assert.ok(layerLinkKey(NAME, SHA512).startsWith(layersPrefix(NAME)));
    for (const key of [mediaTypeKey(NAME, SHA256), pinKey(NAME, SHA256), referrerKey(NAME, SHA512, SHA256)])
      assert.ok(manifestExtrasPrefixes(NAME).some((prefix) => key.startsWith(prefix)));
    const mirrored = parseRepositoryName('mirror/docker.io/app');
    const use = mirrorUseKey(mirrored, SHA512);
    assert.ok(manifestExtrasPrefixes(mirrored).some((prefix) => use.startsWith(prefix)));
    const nested = layerLinkKey(parseRepositoryName(`${NAME}/nested`), SHA256);
    assert.ok(layerLinkKey(NAME, SHA256).startsWith(repositoryFilesPrefix(NAME)));
    assert.ok(!nested.startsWith(repositoryFilesPrefix(NAME)));
  });

  it('a digest is read from the keys that end in one', () => {
    for (const key of [referrerKey(NAME, SHA256, SHA512), pinKey(NAME, SHA512), mediaTypeKey(NAME, SHA512)])
      assert.ok(digestOfKey(key).equals(SHA512));
  });

  it('a digest is read from links, and from nothing else that lies among them', () => {
    assert.ok(linkedDigest(layersPrefix(NAME), layerLinkKey(NAME, SHA512))?.equals(SHA512));
    const prefix = revisionsPrefix(NAME);
    assert.ok(linkedDigest(prefix, revisionLinkKey(NAME, SHA256))?.equals(SHA256));
    const revision = `${prefix}sha256/${SHA256.hex}`;
    const others = [
      `${revision}/signatures/sha256/${SHA256.hex}/link`,
      `${revision}/link/link`,
      `${revision}/note`,
      `${prefix}sha256/link`,
      `${prefix}md5/${SHA256.hex}/link`,
      `${prefix}sha256/AB/link`,
      `${prefix}.DS_Store`,
      prefix,
    ];
    for (const key of others) assert.equal(linkedDigest(prefix, key), undefined, key);
  });

  it("a digest is read from the keys of blobs' bytes, and of no others", () => {
    for (const digest of [SHA256, SHA512]) {
      assert.equal(blobDigestOfKey(blobDataKey(digest))?.toString(), digest.toString());
    }
    const data = blobDataKey(SHA256);
    const others = [
      layerLinkKey(NAME, SHA256),
      damagedMarkKey(SHA256),
      `${data}/more`,
      `x${data}`,
      data.replace('/ab/', '/ac/'),
      data.replace('sha256', 'sha512'),
      data.replace('sha256', 'md5'),
      data.replace('/data', '/link'),
      data.replace('ab0', 'AB0'),
      '',
    ];
    for (const key of others) assert.equal(blobDigestOfKey(key), undefined, key);
  });

  it('the longest names stay within what a driver stores', () => {
    const longest = parseRepositoryName('a'.repeat(255));
    const deepest = parseRepositoryName(`${'a/'.repeat(127)}a`);
    const tag = parseTag('t'.repeat(128));
    for (const name of [longest, deepest]) {
      for (const key of [
        tagIndexKey(name, tag, SHA512),
        referrerKey(name, SHA512, SHA512),
        mediaTypeKey(name, SHA512),
        catalogMarkerKey(name),
      ]) {
        assert.equal(keyFault(key), undefined, key);
      }
    }
  });

  it('a flat name is the name again, and sorts / below every other character', () => {
    const names = ['a/b', 'a', 'a-b', 'a.b', 'a0', 'a_b', 'a/b/c', 'ab'].map(parseRepositoryName);
    for (const name of names) assert.equal(unflatName(flatName(name)), name);
    assert.deepEqual(names.map(flatName).sort().map(unflatName), [
      'a',
      'a/b',
      'a/b/c',
      'a-b',
      'a.b',
      'a0',
      'a_b',
      'ab',
    ]);
  });

  it('what leads out of the roots is no key', () => {
    const [root] = KEY_ROOTS;
    const faults = [
      '',
      '/',
      'etc/passwd',
      root,
      `${root}a/`,
      `${root}a//b`,
      `${root}../x`,
      `${root}a/./b`,
      `${root}a/..`,
    ];
    const bad = [
      ...faults,
      `${root}a\0b`,
      `${root}\ud800`,
      `${root}${'x'.repeat(256)}`,
      `${root}${'x/'.repeat(600)}x`,
    ];
    for (const text of bad) assert.notEqual(keyFault(text), undefined, JSON.stringify(text.slice(0, 60)));
    for (const text of [`${root}a`, `${root}a/.b`, `${root}a/..b`, `${root}é`])
      assert.equal(keyFault(text), undefined);
    for (const text of [root, `${root}a/`, `${root}a/b`, `${root}_`])
      assert.equal(prefixFault(text), undefined);
    for (const text of [`${root}../`, `${root}a//`, 'x/', ''])
      assert.notEqual(prefixFault(text), undefined, text);
  });

  it('keys are in order of UTF-8 bytes', () => {
    const keys = ['a', 'a/b', 'a!', 'a-b', 'b', '\uffff', '\u{1f600}', 'é', 'a\u{1f600}', ''];
    const byBytes = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual(sortKeys([...keys]), byBytes);
    assert.deepEqual([...keys].sort(compareKeys), byBytes);
    assert.equal(compareKeys('a', 'a'), 0);
  });
});
