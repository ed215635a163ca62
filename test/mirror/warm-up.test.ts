import assert from 'node:assert/strict';
import { parsePlatform } from '../../src/domain/platform.js';
import { RegistryError } from '../../src/errors/registry-error.js';
import { parseMirroredImage } from '../../src/mirror/mirrored-image.js';
import { warmImage } from '../../src/mirror/warm-up.js';
import type { WarmUpProgress, WarmUpReport } from '../../src/mirror/warm-up.js';
import { ImageWorld } from '../admin/image-world.js';
import {
  EMPTY_JSON,
  EMPTY_TYPE,
  blobDescriptor,
  bytesOf,
  descriptorOf,
  imageOf,
  indexOf,
} from '../http/content.js';
import type { Content } from '../http/content.js';
import { SmallMirror, SmallUpstream, upstreamOf } from './small-mirror.js';

const AMD = [bytesOf(1000, 1), bytesOf(2000, 2)];
const ARM = [bytesOf(1000, 1), bytesOf(300, 3)];
const ATTESTATION = bytesOf(50, 4);
const image = (layers: readonly Buffer[]) => imageOf(layers);
const on = (content: Content, os: string, architecture: string) => ({
  ...descriptorOf(content),
  platform: { os, architecture },
});
const NONE = new AbortController().signal;

describe('mirror/warm-up', () => {
  let world: ImageWorld;
  let source: SmallUpstream;
  let mirror: SmallMirror;
  beforeEach(async () => {
    world = await ImageWorld.open('memory');
    const { clock, ids } = world.store;
    source = new SmallUpstream(clock, ids);
    mirror = new SmallMirror(
      { registry: world.registry, driver: world.driver, source },
      { mirrorEvent: () => undefined },
    );
    await source.push('app', image(AMD), { blobs: [...AMD, EMPTY_JSON] });
    await source.push('app', image(ARM), { blobs: ARM });
    await source.push('app', image([ATTESTATION]), { blobs: [ATTESTATION] });
    const manifests = [
      on(image(AMD), 'linux', 'amd64'),
      on(image(ARM), 'linux', 'arm64'),
      on(image([ATTESTATION]), 'unknown', 'unknown'),
    ];
    await source.push('app', indexOf(manifests), { tags: ['1'] });
  });

  const warm = (
    text: string,
    platforms: readonly string[] = [],
    progress?: WarmUpProgress,
    signal: AbortSignal = NONE,
  ): Promise<WarmUpReport> => {
    const parsed = parseMirroredImage(`hub.test/${text}`, [upstreamOf('hub.test')]);
    return warmImage(mirror, parsed, platforms.map(parsePlatform), signal, progress);
  };

  it('takes the manifests of the platforms with their blobs, each once, then finds all stored', async () => {
    const progress: WarmUpProgress = { takenBytes: 0 };
    const report = await warm('app:1', ['linux/amd64'], progress);
    const { digest, ...counts } = report;
    assert.match(digest, /^sha256:/);
    assert.deepEqual(counts, {
      image: 'hub.test/app:1',
      manifests: 2,
      blobs: 3,
      bytes: 3002,
      fetched: 3,
      alreadyStored: 0,
    });
    assert.deepEqual(progress, { takenBytes: 3002, totalBytes: 3002 });
    const again = await warm('app:1', ['linux/amd64']);
    assert.deepEqual([again.fetched, again.alreadyStored], [0, 3]);
    const other = await warm('app:1', ['linux/arm64', 'linux/amd64']);
    assert.deepEqual([other.manifests, other.blobs, other.fetched], [3, 4, 1]);
  });

  it('takes all platforms where none is given, and no attestation', async () => {
    const { manifests, blobs } = await warm('app:1');
    assert.deepEqual([manifests, blobs], [3, 4]);
  });

  it('takes a manifest by its digest whatever its platform is', async () => {
    const { manifests, blobs } = await warm(`app@${image(ARM).digest}`, ['windows/amd64']);
    assert.deepEqual([manifests, blobs], [1, 3]);
  });

  it('tells of a platform that the image is not made for', async () => {
    await assert.rejects(warm('app:1', ['linux/riscv64']), {
      code: 'MANIFEST_UNKNOWN',
      message: 'hub.test/app:1 is not made for linux/riscv64: give a platform that it has',
    });
  });

  it('follows indexes in indexes, and blobs among the children, up to a depth', async () => {
    const cache = bytesOf(70, 9);
    let nested = indexOf([on(image(AMD), 'linux', 'amd64'), blobDescriptor(cache)]);
    await source.push('deep', image(AMD), { blobs: [...AMD, EMPTY_JSON, cache] });
    await source.push('deep', nested);
    for (let level = 1; level < 7; level += 1) {
      nested = indexOf([descriptorOf(nested)], { annotations: { level: String(level) } });
      await source.push('deep', nested, { tags: [String(level)] });
    }
    const { manifests, blobs } = await warm('deep:6', ['linux/amd64']);
    assert.deepEqual([manifests, blobs], [8, 4]);
    for (let level = 7; level < 9; level += 1) {
      nested = indexOf([descriptorOf(nested)], { annotations: { level: String(level) } });
      await source.push('deep', nested, { tags: [String(level)] });
    }
    await assert.rejects(warm('deep:8', ['linux/amd64']), /more than 8 levels/);
  });

  it('leaves out layers that lie elsewhere', async () => {
    const foreign = [
      blobDescriptor(bytesOf(10, 5), 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'),
      { ...blobDescriptor(bytesOf(10, 6)), urls: ['https://elsewhere.test/layer'] },
      blobDescriptor(ARM[1] ?? EMPTY_JSON),
    ];
    const config = blobDescriptor(EMPTY_JSON, EMPTY_TYPE);
    await source.push('foreign', imageOf([], { config, layers: foreign }), {
      tags: ['1'],
      blobs: [EMPTY_JSON, ...ARM],
    });
    const { blobs, fetched } = await warm('foreign:1');
    assert.deepEqual([blobs, fetched], [2, 2]);
  });

  it('takes four blobs at once, and no more after one failed', async () => {
    const layers = Array.from({ length: 12 }, (_, seed) => bytesOf(100, 20 + seed));
    await source.push('many', image(layers), { tags: ['1'], blobs: [...layers.slice(1), EMPTY_JSON] });
    let asked = 0;
    let most = 0;
    let running = 0;
    const counting = {
      registry: mirror.registry,
      settled: () => mirror.settled(),
      take: async (...given: Parameters<SmallMirror['take']>) => {
        asked += 1;
        most = Math.max(most, (running += 1));
        return mirror.take(...given).finally(() => (running -= 1));
      },
    };
    const parsed = parseMirroredImage('hub.test/many:1', [upstreamOf('hub.test')]);
    await assert.rejects(warmImage(counting, parsed, [], NONE), RegistryError);
    assert.equal(most, 4);
    assert.ok(asked < 12, `${asked}`);
  });

  it('ends with the signal', async () => {
    const ending = new AbortController();
    let open = (): void => undefined;
    source.gate = new Promise((resolve) => (open = resolve));
    const warming = warm('app:1', [], undefined, ending.signal);
    const reason = new Error('enough');
    ending.abort(reason);
    open();
    await assert.rejects(warming, reason);
    assert.equal(source.taken.filter((text) => text === digestText(AMD[1])).length, 0);
  });
});

function digestText(bytes: Buffer | undefined): string {
  return blobDescriptor(bytes ?? EMPTY_JSON).digest;
}
