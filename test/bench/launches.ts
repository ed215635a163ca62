import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HEAP_FLAGS } from '../../src/composition/workers.js';
import type { Options } from './options.js';
import type { Launch } from './server-process.js';

const here = dirname(fileURLToPath(import.meta.url));
const forbiddenPort = 5000;

/** The environment without anything that would configure a server behind our back. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const configures = /^(STACKYARD_|REGISTRY_|OS_|ST_|HOST$|PORT$|NODE_OPTIONS$|GOMAXPROCS$|GOGC$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !configures.test(name)));
}

/** A port nobody holds at this moment; never 5000, the users' own. */
async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    await new Promise((resolve) => server.close(resolve));
    if (typeof address !== 'object' || address === null) throw new Error('no address after listen');
    if (address.port !== forbiddenPort) return address.port;
  }
}

/** Our server as `npm start` runs it. */
export async function launchOurs(
  storage: Readonly<Record<string, string>>,
  { workers, profile }: Pick<Options, 'workers' | 'profile'>,
): Promise<Launch> {
  return {
    command: process.execPath,
    args: [
      ...(profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]),
      ...HEAP_FLAGS,
      join(here, '../../src/main.js'),
    ],
    environment: {
      ...cleanEnvironment(),
      HOST: '127.0.0.1',
      PORT: '0',
      STACKYARD_AUTH_MODE: 'none',
      STACKYARD_SERVER_WORKERS: String(workers),
      ...storage,
    },
  };
}

/** Debian's docker-registry with the configuration it ships, except for storage, port and its htpasswd. */
export async function launchPeer(
  storage: Readonly<Record<string, object>>,
  directory: string,
): Promise<Launch> {
  const port = await freePort();
  const file = join(directory, 'config.yml');
  const configuration = {
    version: '0.1',
    log: { fields: { service: 'registry' } },
    http: { addr: `127.0.0.1:${port}`, headers: { 'X-Content-Type-Options': ['nosniff'] } },
    ...storage,
  };
  await writeFile(file, JSON.stringify(configuration), { mode: 0o600 }); // JSON is YAML
  return { command: 'docker-registry', args: ['serve', file], environment: cleanEnvironment(), port };
}

/** The fixed-answer server that shows what the load generators can do at most. */
export async function launchCeiling(): Promise<Launch> {
  const port = await freePort();
  return {
    command: process.execPath,
    args: [join(here, 'ceiling-server.js'), String(port)],
    environment: cleanEnvironment(),
    port,
  };
}
