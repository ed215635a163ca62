import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { choosePorts, isFree } from './ports.mjs';
import { services } from './service.mjs';

/** A proxy with a short token life and small limits, for what takes hours or gigabytes elsewhere. */
const LIMITS = {
  'proxy-server/filter:tempauth/token_life': '3',
  'proxy-server/filter:slo/max_manifest_segments': '5',
  'swift/swift-constraints/max_file_size': `${4 * 1024 * 1024}`,
  'swift/swift-constraints/container_listing_limit': '10',
};
const LIMITS_NAME = 'limits';

const NEW = { listen: '127.0.0.1', internalHost: '127.0.0.1', ports: {}, settings: {}, proxies: {} };

/**
 * What the bed in ROOT is: what was asked for at earlier starts and now, with a port for each part. Ports stay as long
 * as they are free or ours.
 */
export async function makePlan(root, asked) {
  const kept = { ...NEW, ...JSON.parse((await read(join(root, 'bed.json'))) ?? '{}') };
  const proxies = { ...kept.proxies };
  if (asked.secondProxy) proxies[LIMITS_NAME] ??= LIMITS;
  for (const [name, settings] of Object.entries(asked.proxies ?? {}))
    proxies[name] = { ...proxies[name], ...settings };
  const plan = {
    root,
    listen: asked.listen ?? kept.listen,
    internalHost: asked.internalHost ?? kept.internalHost,
    keystone: asked.keystone === true || kept.keystone === true,
    settings: { ...kept.settings, ...asked.settings },
    proxies,
  };
  const ports = { ...(await withoutTaken(root, kept.ports, plan.listen)), ...asked.ports };
  plan.ports = await choosePorts(partsWithPorts(plan), ports, plan.listen);
  return plan;
}

/** For the next start. */
export async function keepPlan({ root, ...plan }) {
  await writeFile(join(root, 'bed.json'), `${JSON.stringify(plan, undefined, 1)}\n`);
}

function partsWithPorts({ keystone, proxies }) {
  const further = Object.keys(proxies).flatMap((name) =>
    ['proxy', 'container', 'memcached'].map((part) => `${name}-${part}`),
  );
  return [
    'proxy',
    'object',
    'container',
    'account',
    'memcached',
    ...(keystone ? ['keystone'] : []),
    ...further,
  ];
}

/** The ports that can be had again; while something of the bed runs, the others depend on them all. */
async function withoutTaken(root, ports, listen) {
  for (const service of await services(root)) if ((await service.running()) !== undefined) return ports;
  const free = await Promise.all(Object.values(ports).map((port) => isFree(port, listen)));
  return Object.fromEntries(Object.entries(ports).filter((_, index) => free[index]));
}

async function read(path) {
  return readFile(path, 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
