import type { Blob, Fixtures, Manifest } from '../fixtures.js';
import type { LoadGenerator } from '../generator/load-generator.js';
import type { Sequence } from '../generator/jobs.js';
import { MiB, mustBeRight } from '../scenario.js';
import type { Subject } from '../subject.js';

const CONFIG_BYTES = 2048;
const PUSH_LANES = 4;

/** An image that lies at the upstream and that nobody has pulled yet. */
export interface FreshImage {
  readonly manifest: Manifest;
  readonly config: Blob;
  readonly layers: readonly Blob[];
}

let images = 0;

/** Pushes one to the upstream; its layers in MiB. */
export async function pushFreshImage(
  { generator, fixtures, upstream }: { generator: LoadGenerator; fixtures: Fixtures; upstream: Subject },
  mebibytes: readonly number[],
): Promise<FreshImage> {
  const repository = `bench/mirrored-${++images}`;
  const layers: Blob[] = [];
  for (const size of mebibytes) layers.push(...(await fixtures.freshBlobs(1, size * MiB)));
  const [config] = await fixtures.freshBlobs(1, CONFIG_BYTES);
  if (config === undefined) throw new Error('no config was made');
  const manifest = fixtures.freshManifest(repository, layers, config);
  const blobs = [...layers, config].map((blob) => fixtures.push(repository, blob, 'monolithic'));
  for (const operations of [blobs, [fixtures.putManifest(manifest)]]) {
    const job = { target: upstream.target, lanes: PUSH_LANES, operations, lenient: false };
    mustBeRight(await generator.run(job), `the push of ${repository}`);
  }
  return { manifest, config, layers };
}

/** A whole pull on one connection: the manifest by its tag, then its blobs one after the other, each byte compared. */
export function pullOf(fixtures: Fixtures, { manifest, config, layers }: FreshImage): Sequence {
  const blobs = [config, ...layers].map(({ content, digest }) => ({
    kind: 'pull' as const,
    path: `/v2/${manifest.repository}/blobs/${digest}`,
    content,
    digest,
    verify: 'bytes' as const,
    redirected: false,
  }));
  return { kind: 'sequence', steps: [fixtures.getManifest(manifest, manifest.tag), ...blobs] };
}
