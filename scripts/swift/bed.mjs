import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from '../prepare-lock.mjs';
import { BedError } from './bed-error.mjs';
import { environment, shellExports } from './environment.mjs';
import { writeFiles } from './files.mjs';
import { healthy } from './health.mjs';
import { fillKeystone } from './keystone-catalog.mjs';
import { prepareKeystone } from './keystone.mjs';
import { KEYSTONE_PACKAGES, missingPackages, SWIFT_PACKAGES } from './packages.mjs';
import { keepPlan, makePlan } from './plan.mjs';
import { environmentOfPrograms, programs } from './programs.mjs';
import { run } from './run.mjs';
import { Service, services } from './service.mjs';

/** Where a Swift lies that is given no other place. */
export const DEFAULT_ROOT = fileURLToPath(new URL('../../.cache/swift', import.meta.url));
const RINGS = fileURLToPath(new URL('python/rings.py', import.meta.url));

/**
 * Starts what does not run yet of the Swift in `root`, and restarts what is configured otherwise than it runs. Resolves
 * once all of it answers, to the variables in `root`/env. Throws BedError, then what this call started is stopped again.
 */
export async function startBed(root, asked) {
  for (const folder of ['etc', 'run', 'log', 'cache', 'keystone', 'srv/sd1'])
    await mkdir(join(root, folder), { recursive: true });
  return withLock(join(root, 'lock'), {}, async () => {
    const plan = await makePlan(root, asked);
    checkPackages(plan.keystone);
    const files = await writeFiles(plan);
    await keepPlan(plan);
    const started = [];
    try {
      return await startAll(plan, files, started);
    } catch (error) {
      await Promise.all(started.map((service) => service.stop()));
      throw error;
    }
  });
}

/** Stops all that runs of the Swift in `root`; returns how many programs did. `wipe` removes what it stored and was. */
export async function stopBed(root, { wipe = false } = {}) {
  await rm(join(root, 'env'), { force: true });
  const stopped = await Promise.all((await services(root)).map((service) => service.stop()));
  if (wipe) await rm(root, { recursive: true, force: true });
  return stopped.filter(Boolean).length;
}

function checkPackages(keystone) {
  const packages = keystone ? { ...SWIFT_PACKAGES, ...KEYSTONE_PACKAGES } : SWIFT_PACKAGES;
  const missing = missingPackages(packages);
  if (missing.length > 0)
    throw new BedError(`not installed: ${missing.join(' ')}; install them, they need not start a service`);
}

async function startAll(plan, files, started) {
  const { root } = plan;
  const { caches, servers, daemons } = programs(plan);
  const env = environmentOfPrograms(root);
  const startAllOf = (group) => group.map((program) => start(plan, program, files, started));
  await together([
    makeRings(plan, env),
    plan.keystone ? prepareKeystone(root, env) : undefined,
    ...startAllOf(caches),
  ]);
  await together(startAllOf(servers));
  const keystone = plan.keystone ? await keystoneIds(plan) : undefined;
  await together(startAllOf(daemons));
  const variables = environment({ ...plan, keystone, host: '127.0.0.1' });
  await writeFile(join(root, 'env'), shellExports(variables));
  return variables;
}

/** The rings of the main proxy, and of each further one, where only the container server is another. */
async function makeRings({ root, ports, proxies }, env) {
  await makeRingsOf(join(root, 'etc'), ports, env);
  for (const name of Object.keys(proxies)) {
    const container = ports[`${name}-container`];
    await makeRingsOf(join(root, 'etc', name), { ...ports, container }, env);
  }
}

async function makeRingsOf(directory, ports, env) {
  const servers = ['account', 'container', 'object'].map((name) => `${name}=${ports[name]}`);
  await once(join(directory, 'rings'), servers.join(' '), () =>
    run('/usr/bin/python3', [RINGS, directory, ...servers], env),
  );
}

/** Fills Keystone unless it was already filled with the same; its ids. */
async function keystoneIds({ root, ports, proxies, internalHost }) {
  const place = (region, port) => ({
    region,
    publicUrl: `http://127.0.0.1:${port}`,
    internalUrl: `http://${internalHost}:${port}`,
  });
  const further = Object.keys(proxies).map((name) => place(name, ports[`${name}-proxy`]));
  const identity = place('RegionOne', ports.keystone);
  const catalog = { swift: [place('RegionOne', ports.proxy), ...further], identity };
  return once(join(root, 'keystone', 'filled'), catalog, () =>
    fillKeystone(`http://127.0.0.1:${ports.keystone}/v3`, catalog),
  );
}

/** Does the work unless it was done with the same input, which the file remembers with its result. */
async function once(file, input, work) {
  const kept = await readFile(file, 'utf8').then(JSON.parse, () => undefined);
  if (JSON.stringify(kept?.input) === JSON.stringify(input)) return kept.result;
  const result = await work();
  await writeFile(file, JSON.stringify({ input, result }));
  return result;
}

async function start({ root }, { name, command, args, env, files: own, port, health }, files, started) {
  const service = new Service(root, name);
  const parts = [command, ...args, JSON.stringify(env), ...own.map((file) => files[file])];
  const origin = createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 16);
  const running = await service.running();
  if (running?.origin === origin) {
    await service.signal('SIGCONT');
  } else {
    await service.stop();
    await service.start(origin, command, args, { ...environmentOfPrograms(root), ...env });
    started.push(service);
  }
  if (port !== undefined) await healthy(service, port, health);
}

/** Waits for all of them even when one fails, so that none goes on unseen. */
async function together(works) {
  const failed = (await Promise.allSettled(works)).find(({ status }) => status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
