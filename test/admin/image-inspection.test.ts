import assert from 'node:assert/strict';
import { blobDataKey, layerLinkKey } from '../../src/domain/keys.js';
import { MEDIA_TYPE } from '../../src/domain/media-type.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import { digestOf } from '../../src/registry/digester.js';
import { withFaults } from '../registry/faulty.js';
import {
  EMPTY_JSON,
  blobDescriptor,
  bytesOf,
  descriptorOf,
  imageOf,
  indexOf,
  jsonContent,
} from '../http/content.js';
import type { Content } from '../http/content.js';
import { A, byDigest, inEveryWorld, tagged } from './image-world.js';

const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';
const LAYER = bytesOf(1000);
const CONFIG = {
  architecture: 'arm64',
  os: 'linux',
  variant: 'v8',
  created: '2024-01-01T00:00:00Z',
  author: 'somebody',
  config: {
    Entrypoint: ['/bin/a'],
    Cmd: ['-x', '1'],
    Env: ['PATH=/bin', 'A=<b>'],
    Labels: { one: '1', __proto__x: 'y' },
    WorkingDir: '/work',
    User: '1000',
    ExposedPorts: { '80/tcp': {}, '443/tcp': {} },
    Volumes: { '/data': {} },
  },
  history: [
    { created: '2024-01-01T00:00:00Z', created_by: 'COPY . .', comment: 'buildkit' },
    { created_by: 'ENV A=b', empty_layer: true },
  ],
};

function configured(config: Buffer, mediaType = CONFIG_TYPE, extra: object = {}): Content {
  return imageOf([LAYER], { config: blobDescriptor(config, mediaType), ...extra });
}

inEveryWorld('image inspection', (world) => {
  /** What is shown of an image with this configuration. */
  async function shown(config: Buffer, { mediaType = CONFIG_TYPE, of = world() } = {}) {
    await world().push(A, configured(config, mediaType), { tags: ['x'], blobs: [config, LAYER] });
    return (await of.repositories.manifest(A, tagged('x'))).config;
  }

  it('tells all of an image', async () => {
    const config = Buffer.from(JSON.stringify(CONFIG));
    const image = configured(config, CONFIG_TYPE, { annotations: { a: 'b' }, artifactType: 'x/y' });
    await world().push(A, image, { tags: ['x'], blobs: [config, LAYER] });
    const detail = await world().repositories.manifest(A, tagged('x'));
    assert.deepEqual(detail, {
      digest: image.digest,
      mediaType: MEDIA_TYPE.ociManifest,
      size: image.bytes.byteLength,
      totalSize: image.bytes.byteLength + config.byteLength + 1000,
      artifactType: 'x/y',
      annotations: { a: 'b' },
      config: {
        ...blobDescriptor(config, CONFIG_TYPE),
        architecture: 'arm64',
        os: 'linux',
        variant: 'v8',
        created: '2024-01-01T00:00:00Z',
        author: 'somebody',
        entrypoint: ['/bin/a'],
        cmd: ['-x', '1'],
        env: ['PATH=/bin', 'A=<b>'],
        labels: { one: '1', __proto__x: 'y' },
        workingDir: '/work',
        user: '1000',
        exposedPorts: ['80/tcp', '443/tcp'],
        volumes: ['/data'],
        history: [
          {
            created: '2024-01-01T00:00:00Z',
            createdBy: 'COPY . .',
            comment: 'buildkit',
            emptyLayer: false,
          },
          { createdBy: 'ENV A=b', emptyLayer: true },
        ],
      },
      layers: [blobDescriptor(LAYER)],
      manifests: [],
    });
  });

  it('leaves out of a configuration whatever is not what it should be', async () => {
    const wrong = [
      { architecture: 1, os: null, created: 'yesterday', config: [], history: {} },
      {
        config: { Env: 'A=b', Labels: ['x'], Cmd: { 0: 'x' }, User: 5, ExposedPorts: ['80'], Volumes: null },
      },
      { history: ['x', null, 5], config: 'text' },
      [],
      null,
      'text',
    ];
    for (const value of wrong) {
      const config = Buffer.from(JSON.stringify(value));
      const plain = blobDescriptor(config, CONFIG_TYPE);
      const { history, ...rest } = (await shown(config)) ?? {};
      assert.deepEqual(rest, plain, JSON.stringify(value));
      assert.ok(history === undefined || history.length === 0);
    }
    const mixed = Buffer.from('{"config":{"Env":["A=b",5,null],"Labels":{"a":"b","__proto__":"c","d":5}}}');
    const { env, labels } = (await shown(mixed)) ?? {};
    assert.deepEqual(env, ['A=b']);
    assert.deepEqual(Object.entries(labels ?? {}), [
      ['a', 'b'],
      ['__proto__', 'c'],
    ]);
  });

  it('does without a configuration that is no JSON, no image’s, missing, damaged or too large', async () => {
    const text = Buffer.from('<not JSON>');
    assert.deepEqual(await shown(text), blobDescriptor(text, CONFIG_TYPE));
    const config = Buffer.from(JSON.stringify(CONFIG));
    const helm = 'application/vnd.cncf.helm.config.v1+json';
    assert.deepEqual(await shown(config, { mediaType: helm }), blobDescriptor(config, helm));
    assert.equal((await shown(config))?.os, 'linux');
    const { driver } = world();
    const large = Buffer.from(JSON.stringify({ os: 'linux', author: 'x'.repeat(4 * 1024 * 1024) }));
    assert.deepEqual(await shown(large), blobDescriptor(large, CONFIG_TYPE));
    await shown(config);
    const fresh = () => world().another().repositories.manifest(A, tagged('x'));
    await driver.put(blobDataKey(digestOf(config)), Buffer.from('{"os":"other"}'));
    assert.deepEqual((await fresh()).config, blobDescriptor(config, CONFIG_TYPE));
    await driver.delete(blobDataKey(digestOf(config)));
    assert.deepEqual((await fresh()).config, blobDescriptor(config, CONFIG_TYPE));
    await driver.delete(layerLinkKey(A, digestOf(config)));
    assert.deepEqual((await fresh()).config, blobDescriptor(config, CONFIG_TYPE));
  });

  it('does not take an outage for a missing configuration', async () => {
    const config = Buffer.from(JSON.stringify(CONFIG));
    const of = world().another({
      seen: (driver) =>
        withFaults(driver, {
          get: (key, options) =>
            key === blobDataKey(digestOf(config))
              ? Promise.reject(new StorageError('UNAVAILABLE', 'the store is gone'))
              : driver.get(key, options),
        }),
    });
    await assert.rejects(shown(config, { of }), /the store is gone/);
  });

  it('tells all of an index, its children with their platforms, and what it belongs to', async () => {
    const [one, two, absent] = [imageOf([LAYER]), imageOf([]), imageOf([], { annotations: { a: 'b' } })];
    for (const image of [one, two]) await world().push(A, image, { blobs: [EMPTY_JSON, LAYER] });
    const platform = { architecture: 'amd64', os: 'windows', 'os.version': '10.0', 'os.features': ['x'] };
    const index = indexOf(
      [
        { ...descriptorOf(one), ...{ platform } },
        { ...descriptorOf(two), ...{ platform: 'any', artifactType: 'x/y', annotations: { a: 'b' } } },
      ],
      { subject: descriptorOf(absent) },
    );
    const digest = await world().push(A, index);
    const detail = await world().repositories.manifest(A, byDigest(digest.toString()));
    assert.deepEqual(detail.manifests, [
      {
        ...descriptorOf(one),
        platform: { architecture: 'amd64', os: 'windows', osVersion: '10.0' },
      },
      { ...descriptorOf(two), artifactType: 'x/y', annotations: { a: 'b' } },
    ]);
    assert.deepEqual(detail.subject, descriptorOf(absent));
    const sizes = [index, one, two].reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
    assert.equal(detail.totalSize, sizes + 1000 + 2);
  });

  it('counts blobs that an index lists, and no child that is not held', async () => {
    const sparse = world().another({ references: 'sparse' });
    const absent = imageOf([LAYER]);
    const index = indexOf([descriptorOf(absent), blobDescriptor(LAYER), blobDescriptor(LAYER)]);
    await sparse.push(A, index, { tags: ['x'], blobs: [LAYER] });
    const { totalSize, manifests } = await sparse.repositories.manifest(A, tagged('x'));
    assert.equal(totalSize, index.bytes.byteLength + 1000);
    assert.equal(manifests.length, 3);
  });

  it('looks once at a child that several tags of a page share', async () => {
    const sparse = world().another({ references: 'sparse' });
    const absent = Array.from({ length: 20 }, (_, at) => blobDescriptor(Buffer.from(String(at))));
    const inner = indexOf(absent);
    await sparse.push(A, inner);
    await sparse.push(A, indexOf([descriptorOf(inner)]), { tags: ['a', 'b', 'c'] });
    const count = async (): Promise<number> => {
      const of = world().another();
      const { stat = 0, read = 0 } = await of.countOf(() => of.repositories.tags(A, { limit: 10 }));
      return stat + read;
    };
    const before = await count();
    await sparse.push(A, indexOf([descriptorOf(inner), ...absent]), { tags: ['d', 'e', 'f'] });
    // Each new tag its own index, and nothing below that again.
    assert.ok((await count()) <= before + 3);
  });

  it('ends when nobody waits for it any longer', async () => {
    const image = imageOf([]);
    await world().push(A, image, { blobs: [EMPTY_JSON] });
    await world().push(A, indexOf([descriptorOf(image)]), { tags: ['x'] });
    const signal = AbortSignal.abort(new Error('gone'));
    await assert.rejects(world().repositories.manifest(A, tagged('x'), signal), /gone/);
  });

  it('tells at most a thousand entries of each list', async () => {
    const many = Array.from({ length: 1500 }, (_, at) => `n${at}`);
    const members = Object.fromEntries(many.map((name) => [name, name]));
    const config = await shown(
      Buffer.from(
        JSON.stringify({
          config: {
            Entrypoint: many,
            Cmd: many,
            Env: many,
            Labels: members,
            ExposedPorts: members,
            Volumes: members,
          },
          history: many.map(() => ({})),
        }),
      ),
    );
    const { entrypoint, cmd, env, labels = {}, exposedPorts, volumes, history } = config ?? {};
    for (const list of [entrypoint, cmd, env, Object.keys(labels), exposedPorts, volumes, history])
      assert.equal(list?.length, 1000);
    assert.equal(env?.at(-1), 'n999');
  });

  it('reads at most a thousand children', async () => {
    const sparse = world().another({ references: 'sparse' });
    const absent = Array.from({ length: 1500 }, (_, at) => blobDescriptor(Buffer.from(String(at))));
    const index = jsonContent(MEDIA_TYPE.ociIndex, {
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.ociIndex,
      manifests: absent.map((each) => ({ ...each, size: 7 })),
    });
    await sparse.push(A, index, { tags: ['x'] });
    const { totalSize } = await sparse.repositories.manifest(A, tagged('x'));
    assert.equal(totalSize, index.bytes.byteLength + 500 * 7);
  });
});
