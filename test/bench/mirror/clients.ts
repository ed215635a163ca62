import { mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { tryTool } from '../../support/tool.js';
import type { Fixtures } from '../fixtures.js';
import type { LoadGenerator } from '../generator/load-generator.js';
import type { Subject } from '../subject.js';
import { pullOf, type FreshImage } from './image.js';

/** What clients came to. */
export interface Pulled {
  /** Until the last of them had everything, or gave up. */
  readonly seconds: number;
  /** Pulls that did not end with all the right bytes. */
  readonly failed: number;
  readonly errorSamples: readonly string[];
}

const MEMORY = '/dev/shm';

/** One pull by skopeo, which checks every sha256, into memory where there is such a disk. */
export async function pullBySkopeo(
  { target: { host, port } }: Subject,
  { manifest: { repository, tag } }: FreshImage,
  scratch: string,
): Promise<Pulled> {
  const directory = await mkdtemp(join(existsSync(MEMORY) ? MEMORY : scratch, 'stackyard-pull-'));
  try {
    const source = `docker://${host}:${port}/${repository}:${tag}`;
    const flags = ['--insecure-policy', 'copy', '--quiet', '--src-tls-verify=false'];
    const { code, stderr, milliseconds } = await tryTool('skopeo', [...flags, source, `dir:${directory}`]);
    const errorSamples = code === 0 ? [] : [`skopeo: ${stderr.trim()}`];
    return { seconds: milliseconds / 1000, failed: errorSamples.length, errorSamples };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** So many whole pulls at once, each on a connection of its own that is open before the clock starts. */
export async function pullAtOnce(
  { generator, fixtures }: { generator: LoadGenerator; fixtures: Fixtures },
  { target }: Subject,
  image: FreshImage,
  pulls: number,
): Promise<Pulled> {
  const operations = Array.from({ length: pulls }, () => pullOf(fixtures, image));
  const load = await generator.run({ target, lanes: pulls, operations, lenient: false });
  return { seconds: load.seconds, failed: load.errors, errorSamples: load.errorSamples };
}
