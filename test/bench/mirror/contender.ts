import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CountingProxy } from '../../support/counting-proxy.js';
import { freePorts } from '../../support/free-ports.js';
import { launchOurs, launchPeer } from '../launches.js';
import type { Options } from '../options.js';
import { ServerProcess, type Launch } from '../server-process.js';
import type { BenchStorage } from '../storage/bench-storage.js';
import { FilesystemStorage } from '../storage/filesystem-storage.js';

/** A mirror, and the link to the upstream that it alone uses. */
export interface Contender {
  readonly name: ContenderName;
  readonly server: ServerProcess;
  readonly link: CountingProxy;
}

export type ContenderName = 'ours' | 'ours, 2 workers' | 'peer';

/** Debian's docker-registry on the filesystem, whatever the mirrors are on. */
export async function startUpstream(directory: string): Promise<ServerProcess> {
  await mkdir(directory, { recursive: true });
  const storage = await FilesystemStorage.open(directory, false);
  const server = new ServerProcess('upstream', {
    directory,
    launch: (dataDirectory) => launchPeer(storage.peer({ dataDirectory, redirects: false }), directory),
  });
  await server.start();
  return server;
}

export interface Ground {
  readonly name: ContenderName;
  /** For its data, its configuration and its logs. */
  readonly directory: string;
  readonly storage: BenchStorage;
  readonly upstream: ServerProcess;
  readonly options: Options;
}

/** Resolves when it serves. */
export async function startContender(ground: Ground): Promise<Contender> {
  const { name, directory, upstream } = ground;
  await mkdir(directory, { recursive: true });
  const link = await CountingProxy.start(upstream.target);
  const server = new ServerProcess(name === 'peer' ? 'peer' : 'ours', {
    directory,
    source: upstream,
    launch: (dataDirectory) =>
      name === 'peer'
        ? launchPeerMirror(ground, dataDirectory, link)
        : launchOurMirror(ground, dataDirectory, link),
  });
  try {
    await server.start();
  } catch (error) {
    await link.stop();
    throw error;
  }
  return { name, server, link };
}

/** Asked by its root mirror, which is the one way that dockerd knows. */
async function launchOurMirror(
  { name, directory, storage, options }: Ground,
  dataDirectory: string,
  { url }: CountingProxy,
): Promise<Launch> {
  const [port = 0] = await freePorts(1);
  const file = join(directory, 'stackyard.yaml');
  const root = { port, networks: ['127.0.0.0/8'] };
  const mirror = { upstreams: [{ name: 'docker.io', url }], root };
  await writeFile(file, JSON.stringify({ mirror })); // JSON is YAML
  const environment = { ...storage.ours({ dataDirectory, redirects: false }), STACKYARD_CONFIG: file };
  const workers = name === 'ours' ? options.workers : 2;
  return { ...(await launchOurs(environment, { ...options, workers })), port };
}

async function launchPeerMirror(
  { directory, storage }: Ground,
  dataDirectory: string,
  { url }: CountingProxy,
): Promise<Launch> {
  return launchPeer(
    { ...storage.peer({ dataDirectory, redirects: false }), proxy: { remoteurl: url } },
    directory,
  );
}
