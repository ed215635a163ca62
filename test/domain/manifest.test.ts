import assert from 'node:assert/strict';
import { Digest } from '../../src/domain/digest.js';
import { InvalidValue } from '../../src/domain/invalid-value.js';
import { parseManifest, referrerDescriptor } from '../../src/domain/manifest.js';
import { MEDIA_TYPE } from '../../src/domain/media-type.js';

const HEX = 'a'.repeat(64);
const DIGEST = Digest.of('sha256', HEX);
const DESCRIPTOR = { mediaType: 'x/y', digest: `sha256:${HEX}`, size: 3 };
const parse = (value: unknown) => parseManifest(Buffer.from(JSON.stringify(value)));

describe('domain/manifest', () => {
  it('reads what the registry needs and ignores the rest', () => {
    const manifest = parse({
      schemaVersion: 2,
      mediaType: 't/u',
      artifactType: 'a/b',
      config: { ...DESCRIPTOR, data: 'e30=', platform: null, other: [1] },
      layers: [{ ...DESCRIPTOR, urls: ['https://x', 5], annotations: { a: 'b' } }],
      subject: DESCRIPTOR,
      annotations: { k: 'v' },
      unknown: { deep: [{}] },
    });
    const descriptor = { mediaType: 'x/y', digest: DIGEST, size: 3 };
    assert.deepEqual(manifest, {
      schemaVersion: 2,
      declaredType: 't/u',
      inferredType: MEDIA_TYPE.ociManifest,
      artifactType: 'a/b',
      config: descriptor,
      layers: [{ ...descriptor, urls: ['https://x'], annotations: { a: 'b' } }],
      manifests: [],
      subject: descriptor,
      annotations: { k: 'v' },
    });
  });

  it('null is absent; a body with manifests, even empty, is taken for an index', () => {
    const nulls = {
      mediaType: null,
      config: null,
      layers: null,
      subject: null,
      annotations: null,
      artifactType: '',
    };
    assert.deepEqual(parse(nulls), {
      schemaVersion: undefined,
      inferredType: MEDIA_TYPE.ociManifest,
      layers: [],
      manifests: [],
    });
    assert.equal(parse({ manifests: [] }).inferredType, MEDIA_TYPE.ociIndex);
    assert.equal(parse({ manifests: null }).inferredType, MEDIA_TYPE.ociManifest);
  });

  const bad: readonly unknown[] = [
    null,
    [],
    1,
    'text',
    { layers: {} },
    { layers: [[]] },
    { manifests: [null] },
    { config: 'x' },
    { config: {} },
    { config: { ...DESCRIPTOR, digest: 5 } },
    { config: { ...DESCRIPTOR, digest: 'sha256:x' } },
    { config: { ...DESCRIPTOR, digest: `md5:${'a'.repeat(32)}` } },
    { config: { ...DESCRIPTOR, size: 1.5 } },
    { config: { ...DESCRIPTOR, size: -1 } },
    { config: { ...DESCRIPTOR, size: 1e300 } },
    { config: { ...DESCRIPTOR, mediaType: {} } },
    { subject: [DESCRIPTOR] },
    { mediaType: {} },
    { artifactType: 5 },
    { annotations: [] },
    { annotations: { a: null } },
  ];
  for (const value of bad) {
    it(`${JSON.stringify(value).replaceAll(HEX, '…')} is no manifest`, () => {
      assert.throws(
        () => parse(value),
        (error) => error instanceof InvalidValue && error.kind === 'manifest',
      );
    });
  }

  it('bytes that are not JSON in UTF-8 are no manifest', () => {
    for (const bytes of [
      [],
      [0x7b],
      [0x22, 0xff, 0x22],
      [0xef, 0xbb, 0xbf, 0x7b, 0x7d],
      [0x7b, 0x7d, 0x7d],
    ]) {
      assert.throws(() => parseManifest(Buffer.from(bytes)), InvalidValue);
    }
  });

  it('a manifest as deep as its size allows is read or refused, never a crash', () => {
    const depth = 500_000;
    const bytes = Buffer.from(`{"x":${'['.repeat(depth)}${']'.repeat(depth)}}`);
    try {
      assert.deepEqual(parseManifest(bytes).layers, []);
    } catch (error) {
      assert.ok(error instanceof InvalidValue);
    }
  });

  it("a referrer's artifactType is its own, else its config's, else none", () => {
    const of = (value: unknown) => referrerDescriptor(parse(value), 'm/t', DIGEST, 9);
    assert.deepEqual(of({ artifactType: 'a/b', config: DESCRIPTOR, annotations: { k: 'v' } }), {
      mediaType: 'm/t',
      digest: DIGEST,
      size: 9,
      artifactType: 'a/b',
      annotations: { k: 'v' },
    });
    assert.equal(of({ config: DESCRIPTOR }).artifactType, 'x/y');
    assert.equal(of({ artifactType: '', config: DESCRIPTOR }).artifactType, 'x/y');
    assert.ok(!('artifactType' in of({ manifests: [] })));
    assert.ok(!('annotations' in of({ manifests: [] })));
  });
});
