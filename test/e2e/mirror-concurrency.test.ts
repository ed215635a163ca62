import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { makeImage, MEDIA_TYPES, type Image } from '../support/image.js';
import { later } from '../support/lies.js';
import { MirrorBed, type MirrorServer } from '../support/mirror-bed.js';

const MIB = 1024 * 1024;

describe('many at once who pull by the mirror', function () {
  this.timeout(120_000);
  let bed: MirrorBed;
  before(async function () {
    bed = await MirrorBed.start(this);
  });
  after(() => (bed as MirrorBed | undefined)?.stop());

  /** The digest of a body, over a connection of its own. */
  async function take(mirror: MirrorServer, path: string, onSent = (): void => undefined): Promise<string> {
    const url = `${mirror.rootUrl}/v2/${path}`;
    const question = request(url, { agent: false, headers: { accept: MEDIA_TYPES.dockerManifest } });
    question.on('finish', onSent).end();
    const [answer] = (await once(question, 'response')) as [IncomingMessage];
    assert.equal(answer.statusCode, 200, path);
    const hash = createHash('sha256');
    for await (const chunk of answer as AsyncIterable<Buffer>) hash.update(chunk);
    return `sha256:${hash.digest('hex')}`;
  }

  /** Has it all taken by each of the mirrors; the layer is not given before everybody has asked for it. */
  async function pull(mirrors: readonly MirrorServer[], repository: string, image: Image): Promise<string[]> {
    await bed.hub.push.pushImage(repository, image, 'v1');
    const [layer] = image.layers;
    assert.ok(layer);
    let waiting = mirrors.length;
    let everybodyAsked = (): void => undefined;
    const asked = new Promise<void>((resolve) => (everybodyAsked = resolve));
    const onSent = (): void => void (--waiting === 0 && everybodyAsked());
    bed.hub.front.lie = later(new RegExp(layer.digest), asked);
    const before = bed.hub.front.given.length;
    await Promise.all(
      mirrors.map(async (mirror) => {
        const { manifest, config } = image;
        assert.equal(await take(mirror, `${repository}/manifests/v1`), manifest.digest);
        for (const [{ digest }, path, sent] of [
          [manifest, 'manifests', undefined],
          [config, 'blobs', undefined],
          [layer, 'blobs', onSent],
        ] as const)
          assert.equal(await take(mirror, `${repository}/${path}/${digest}`, sent), digest);
      }),
    );
    return bed.hub.front.given.slice(before).filter((path) => path.startsWith('GET '));
  }

  const times = (paths: readonly string[], text: string): number =>
    paths.filter((path) => path.includes(text)).length;

  it('of one server with two workers cost the upstream each blob and manifest once', async () => {
    const mirror = await bed.startMirror({ workers: 2 });
    const image = makeImage({ format: 'docker', layers: 1, layerBytes: 50 * MIB });
    const paths = await pull(
      Array.from({ length: 20 }, () => mirror),
      'library/large',
      image,
    );
    for (const { digest } of [image.config, ...image.layers]) assert.equal(times(paths, digest), 1, digest);
    assert.equal(times(paths, '/manifests/'), 1, paths.join());
  });

  it('of two servers over one store cost it a layer at most twice', async () => {
    const first = await bed.startMirror();
    const second = await bed.startMirror({ root: first.process.root });
    const image = makeImage({ format: 'docker', layers: 1, layerBytes: 8 * MIB });
    const mirrors = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? first : second));
    const paths = await pull(mirrors, 'library/shared', image);
    const [layer] = image.layers;
    const asked = times(paths, layer?.digest ?? 'no layer');
    console.log(`      2 servers, 20 pulls: GETs of the layer at the upstream: ${asked}`);
    assert.ok(asked === 1 || asked === 2, paths.join());
  });
});
