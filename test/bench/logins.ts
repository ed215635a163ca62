import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeImage } from '../support/image.js';
import { RegistryClient } from '../support/registry-client.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { ADMIN, WITH_LOGINS } from '../support/target.js';
import { runWrk } from './generator/wrk.js';
import { accountOf } from './process-tree.js';

/**
 * What logins cost: the same cached manifest asked of an open server and of one that wants tokens, over one store, in
 * turn; and how many tokens it gives. Prints requests a second and CPU of the server for each, by medians.
 */
interface Case {
  readonly name: string;
  readonly server: ServerProcess;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface Sample {
  readonly rate: number;
  readonly microseconds: number;
  readonly errors: number;
}

const CONNECTIONS = 32;

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '5' }, seconds: { type: 'string', default: '3' } },
});

async function measure(directory: string, { server, path, headers }: Case, seconds: number): Promise<Sample> {
  const target = { host: server.host, port: server.port };
  const job = { target, paths: [path], headers, connections: CONNECTIONS, seconds, leastMeanBytes: 200 };
  const before = await accountOf(server.pid);
  const load = await runWrk(directory, job);
  const after = await accountOf(server.pid);
  return {
    rate: load.operations / load.seconds,
    microseconds: ((after.cpuSeconds - before.cpuSeconds) * 1e6) / load.operations,
    errors: load.errors,
  };
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

async function tokenFor(server: ServerProcess, scope: string): Promise<string> {
  const answer = await fetch(`${server.url}/token?service=stackyard&scope=${scope}`, {
    headers: { authorization: BASIC },
  });
  return ((await answer.json()) as { token: string }).token;
}

const BASIC = `Basic ${Buffer.from(`${ADMIN.username}:${ADMIN.password}`).toString('base64')}`;

async function main(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'stackyard-logins-'));
  const servers: ServerProcess[] = [];
  try {
    const root = join(directory, 'data');
    // One for each: what a server did before changes what it costs.
    for (const env of [WITH_LOGINS, { STACKYARD_AUTH_MODE: 'none' }, WITH_LOGINS])
      servers.push(await startServer({ root, env }));
    const [closed, open, issuing] = servers as [ServerProcess, ServerProcess, ServerProcess];
    const image = makeImage({ format: 'oci', layers: 1 });
    await new RegistryClient(closed.url, ADMIN).pushImage('team/app', image, 'v1');
    const bearer = { authorization: `Bearer ${await tokenFor(closed, 'repository:team/app:pull')}` };
    const byDigest = `/v2/team/app/manifests/${image.manifest.digest}`;
    const cases: readonly Case[] = [
      { name: 'manifest by digest, open', server: open, path: byDigest, headers: {} },
      { name: 'manifest by digest, with a token', server: closed, path: byDigest, headers: bearer },
      {
        name: '/token, cached password',
        server: issuing,
        path: '/token?service=stackyard&scope=repository:team/app:pull,push',
        headers: { authorization: BASIC },
      },
    ];
    for (const one of cases) await measure(directory, one, 1);
    const samples = new Map(cases.map(({ name }) => [name, [] as Sample[]]));
    for (let run = 0; run < Number(values.runs); run++) {
      for (const one of cases)
        samples.get(one.name)?.push(await measure(directory, one, Number(values.seconds)));
    }
    for (const [name, taken] of samples) {
      const errors = taken.reduce((sum, sample) => sum + sample.errors, 0);
      const rate = median(taken.map((sample) => sample.rate));
      const cost = median(taken.map((sample) => sample.microseconds));
      console.log(`${name}: ${rate.toFixed(0)}/s, ${cost.toFixed(1)} µs of CPU, ${errors} errors`);
      if (errors > 0) process.exitCode = 1;
    }
    const [without = NaN, withToken = NaN] = ['open', 'with a token'].map((kind) =>
      median((samples.get(`manifest by digest, ${kind}`) ?? []).map((sample) => sample.microseconds)),
    );
    console.log(`a token costs ${(((withToken - without) / without) * 100).toFixed(1)} % more CPU`);
  } finally {
    for (const server of servers) await server.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

await main();
