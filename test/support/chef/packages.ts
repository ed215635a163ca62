import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { startChild, type OwnedChild } from '../child.js';
import { temporaryDirectory, type TemporaryDirectory } from '../temporary.js';
import { runTool } from '../tool.js';
import type { ChefHost } from './host.js';

const PROGRAM = join(import.meta.dirname, 'web-server.js');
const ADDRESS = '127.0.0.1';
const PORT = 4873;
export const PACKAGES = `http://${ADDRESS}:${PORT}`;

/** A web server in the host's network: an npm registry that has one package, and its tarballs by their URLs. */
export interface PackageServer {
  /** The tarball of a version. */
  url(version: string): string;
  checksum(version: string): string;
  /** What was asked since the last time: `GET /path status`. */
  asked(): readonly string[];
  stop(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

/** Repacks the tarball of stackyard as these versions, and serves them; npm in the host asks nobody else. */
export async function servePackages(
  host: ChefHost,
  tarball: string,
  versions: readonly string[],
): Promise<PackageServer> {
  const home = await temporaryDirectory('packages');
  const checksums = new Map<string, string>();
  const urlOf = (version: string): string => `${PACKAGES}/tarballs/stackyard-${version}.tgz`;
  const entries: Record<string, object> = {};
  for (const version of versions) {
    const { content, manifest } = await repack(home, tarball, version);
    checksums.set(version, createHash('sha256').update(content).digest('hex'));
    const integrity = `sha512-${createHash('sha512').update(content).digest('base64')}`;
    entries[version] = { ...manifest, dist: { tarball: urlOf(version), integrity } };
  }
  const document = { name: 'stackyard', 'dist-tags': { latest: versions.at(-1) }, versions: entries };
  await writeFile(join(home.path, 'web', 'stackyard'), JSON.stringify(document));
  await host.write('/root/.npmrc', `registry=${PACKAGES}/\nfetch-retries=0\n`);
  let child: OwnedChild | undefined;
  let lines: string[] = [];
  const server: PackageServer = {
    url: urlOf,
    checksum: (version) => checksums.get(version) ?? '',
    asked() {
      const before = lines;
      lines = [];
      return before;
    },
    async start() {
      child = await startServer(host, join(home.path, 'web'), (line) => lines.push(line));
    },
    async stop() {
      await child?.stop(5_000);
      child = undefined;
    },
    async remove() {
      await server.stop();
      await home.remove();
    },
  };
  await server.start();
  return server;
}

async function repack(
  home: TemporaryDirectory,
  tarball: string,
  version: string,
): Promise<{ content: Buffer; manifest: object }> {
  const folder = join(home.path, version);
  const packed = join(home.path, 'web', 'tarballs', `stackyard-${version}.tgz`);
  for (const path of [folder, join(home.path, 'web', 'tarballs')]) await mkdir(path, { recursive: true });
  await runTool('tar', ['-xzf', tarball, '-C', folder]);
  const path = join(folder, 'package', 'package.json');
  const manifest = { ...(JSON.parse(await readFile(path, 'utf8')) as object), version };
  await writeFile(path, JSON.stringify(manifest));
  await runTool('tar', ['-czf', packed, '-C', folder, 'package']);
  return { content: await readFile(packed), manifest };
}

/** Only its network is the host's: its files are this machine's. */
async function startServer(
  host: ChefHost,
  folder: string,
  onLine: (line: string) => void,
): Promise<OwnedChild> {
  const enter = ['-t', String(host.pid), '-n', '--'];
  const args = [...enter, process.execPath, PROGRAM, folder, ADDRESS, String(PORT)];
  const child = await startChild('nsenter', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const { stdout } = child.process;
  if (stdout === null) throw new Error('the package server has no output');
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: stdout })
      .on('line', (line) => {
        if (line === 'listening') resolve();
        else onLine(line);
      })
      .once('close', () => {
        reject(new Error('the package server ended'));
      });
  });
  return child;
}
