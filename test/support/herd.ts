import { join } from 'node:path';
import { accountOf, resetPeak } from '../bench/process-tree.js';
import { content, descriptor, MEDIA_TYPES, type Image } from './image.js';
import { compiledRoot } from './project.js';
import type { ServerProcess } from './server-process.js';
import type { Login } from './target.js';
import { runTool } from './tool.js';
import { randomBytes } from 'node:crypto';

/** What the program herd-clients does. */
export interface HerdTask {
  readonly url: string;
  readonly clients: number;
  readonly repository: string;
  readonly tag: string;
  readonly mediaType: string;
  /** Of the manifest. */
  readonly digest: string;
  /** Digests of config and layers. */
  readonly blobs: readonly string[];
  readonly login?: Login;
}

/** What came of it. */
export interface HerdOutcome {
  /** Images that came whole, each digest checked. */
  readonly pulled: number;
  readonly failures: readonly string[];
  readonly requests: number;
  readonly retries: number;
  readonly retryReasons: Readonly<Record<string, number>>;
  readonly redirected: number;
  /** Bytes of bodies that the registry sent, and that its storage sent after a redirect. */
  readonly registryBytes: number;
  readonly storageBytes: number;
  readonly seconds: number;
  readonly medianMs: number;
  readonly slowestMs: number;
  /** Of the clients. */
  readonly cpuSeconds: number;
}

/** A herd and what it cost the servers. */
export interface HerdMeasurement extends HerdOutcome {
  /** For each server. */
  readonly servers: readonly ServerCost[];
}

export interface ServerCost {
  readonly cpuSeconds: number;
  /** The most that was resident, in bytes. */
  readonly peak: number;
  readonly requests: number;
  /** Requests that it made of the store for those. */
  readonly storageRequests: number;
  /** Answers 5xx by their reason. */
  readonly errors: Readonly<Record<string, number>>;
}

/** An image of random layers of these sizes. */
export function imageOfLayers(sizes: readonly number[]): Image {
  const layers = sizes.map((size) => content(MEDIA_TYPES.ociLayer, randomBytes(size)));
  const rootfs = { type: 'layers', diff_ids: layers.map(({ digest }) => digest) };
  const config = content(
    MEDIA_TYPES.ociConfig,
    Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', config: {}, rootfs })),
  );
  const mediaType = MEDIA_TYPES.ociManifest;
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: descriptor(config),
    layers: layers.map(descriptor),
  };
  return { manifest: content(mediaType, Buffer.from(JSON.stringify(manifest))), config, layers };
}

/** Lets clients, in a process of their own, pull the image all at once, and measures the servers meanwhile. */
export async function runHerd(
  { image, ...rest }: Omit<HerdTask, 'mediaType' | 'digest' | 'blobs'> & { readonly image: Image },
  servers: readonly ServerProcess[],
): Promise<HerdMeasurement> {
  const { digest, mediaType } = image.manifest;
  const blobs = [image.config, ...image.layers].map((blob) => blob.digest);
  const task: HerdTask = { ...rest, mediaType, digest, blobs };
  const before = await Promise.all(
    servers.map(async ({ pid, log }) => {
      await resetPeak(pid);
      return { cpu: (await accountOf(pid)).cpuSeconds, lines: log.length };
    }),
  );
  const program = join(compiledRoot, 'test', 'support', 'herd-clients.js');
  const { stdout } = await runTool(process.execPath, [program, JSON.stringify(task)], { timeoutMs: 900_000 });
  const costs = await Promise.all(
    servers.map(async ({ pid, log }, index): Promise<ServerCost> => {
      const account = await accountOf(pid);
      const lines = log.slice(before[index]?.lines).filter(({ msg }) => msg === 'request');
      return {
        cpuSeconds: account.cpuSeconds - (before[index]?.cpu ?? 0),
        peak: account.peak,
        requests: lines.length,
        storageRequests: lines.reduce((sum, line) => sum + Number(line['storageRequests']), 0),
        errors: countsOf(
          lines.filter(({ status }) => Number(status) >= 500).map((line) => String(line['reason'])),
        ),
      };
    }),
  );
  return { ...(JSON.parse(stdout) as HerdOutcome), servers: costs };
}

function countsOf(texts: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1;
  return counts;
}
