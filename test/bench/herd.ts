import { loadavg, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { systemIds } from '../../src/composition/system.js';
import { startHaproxy } from '../support/haproxy.js';
import { imageOfLayers, runHerd, type HerdMeasurement } from '../support/herd.js';
import { RegistryClient } from '../support/registry-client.js';
import { findTool } from '../support/requirement.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { ADMIN, WITH_LOGINS } from '../support/target.js';
import { temporaryDirectory } from '../support/temporary.js';
import { cells, digits } from './report.js';
import { SwiftService } from './storage/swift-service.js';

/**
 * What a pull costs when many hosts want one image at once: each logs in, takes the manifest by its tag, config and
 * three layers, all digests checked. Prints CPU of the servers and of Swift and requests for each pull, with and without
 * redirects, by one node and by two behind haproxy.
 */
const KIB = 1024;
const MIB = KIB * KIB;
const LAYERS = [256 * KIB, 4 * MIB, 20 * MIB];
const TITLES = [
  ...['nodes', 'bytes by', 'hosts', 'pulled', 'repeats', 'CPU of the nodes', 'CPU of Swift'],
  ...['requests', 'requests of Swift', 'bytes of the nodes', 'RSS of a node', 'seconds'],
];

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '50,200,500' },
    nodes: { type: 'string', default: '1,2' },
  },
});

interface Case {
  readonly nodes: number;
  readonly redirected: boolean;
}

async function runCase({ nodes, redirected }: Case, swift: SwiftService): Promise<void> {
  const servers: ServerProcess[] = [];
  const env = {
    ...swift.login,
    ...WITH_LOGINS,
    STACKYARD_STORAGE_DRIVER: 'swift',
    STACKYARD_STORAGE_SWIFT_CONTAINER: `herd-${systemIds.unique()}`,
    STACKYARD_STORAGE_SWIFT_REDIRECT_ENABLED: String(redirected),
  };
  try {
    for (let i = 0; i < nodes; i++) servers.push(await startServer({ env }));
    const haproxy = findTool('haproxy');
    if (haproxy === undefined) throw new Error('haproxy is not installed');
    const ports = servers.map(({ port }) => port);
    const balancer = await startHaproxy(haproxy, ports, { connections: 8000 });
    try {
      const image = imageOfLayers(LAYERS);
      await new RegistryClient(balancer.url, ADMIN).pushImage('herd', image, 'v1');
      for (const clients of values.hosts.split(',').map(Number)) {
        const before = total(await swift.cpuSeconds());
        const task = { url: balancer.url, clients, repository: 'herd', tag: 'v1', login: ADMIN, image };
        const measured = await runHerd(task, servers);
        console.log(row({ nodes, redirected }, clients, measured, total(await swift.cpuSeconds()) - before));
      }
    } finally {
      await balancer.stop();
    }
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

function row(
  { nodes, redirected }: Case,
  clients: number,
  { servers, pulled, retries, registryBytes, seconds }: HerdMeasurement,
  swiftSeconds: number,
): string {
  const sum = (of: (server: HerdMeasurement['servers'][number]) => number): number =>
    servers.reduce((all, server) => all + of(server), 0);
  const milliseconds = (cpuSeconds: number): string => `${digits((cpuSeconds * 1000) / pulled)} ms`;
  return cells([
    String(nodes),
    redirected ? 'Swift' : 'the node',
    String(clients),
    String(pulled),
    String(retries),
    milliseconds(sum(({ cpuSeconds }) => cpuSeconds)),
    milliseconds(swiftSeconds),
    digits(sum(({ requests }) => requests) / pulled),
    digits(sum(({ storageRequests }) => storageRequests) / pulled),
    `${digits(registryBytes / pulled / MIB)} MiB`,
    `${(Math.max(...servers.map(({ peak }) => peak)) / MIB).toFixed(0)} MiB`,
    digits(seconds),
  ]);
}

function total(seconds: Readonly<Record<string, number>>): number {
  return Object.values(seconds).reduce((sum, each) => sum + each, 0);
}

const home = await temporaryDirectory('herd');
const swift = await SwiftService.open(home.path);
try {
  const load = digits(loadavg()[0] ?? 0);
  console.log(
    `${cpus().length} cores, Node ${process.version}, load ${load} at the start; CPU and requests for each pull\n`,
  );
  console.log(`${cells(TITLES)}\n${cells(TITLES.map(() => '---'))}`);
  for (const redirected of [false, true])
    for (const nodes of values.nodes.split(',').map(Number)) await runCase({ nodes, redirected }, swift);
} finally {
  await swift.close();
  await home.remove();
}
process.exit();
