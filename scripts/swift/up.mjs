// A real one-node Swift of Debian's packages, with memcached and if asked for Keystone, for tests, the bench and
// docker-compose. It touches nothing outside of its folder, and may be run again: it starts what does not run yet.
//   --root DIR           all that it is and stores (.cache/swift)
//   --keystone           with a Keystone; the proxy then takes tempauth's tokens and Keystone's
//   --set FILE/SECTION/KEY=VALUE   a setting, e.g. object-server/DEFAULT/workers=4 or keystone/token/expiration=8
//   --proxy NAME         a further proxy over the same backends; each --set after it is of its proxy-server or swift
//   --second-proxy       the further proxy `limits`: tokens of 3 s, objects of 4 MiB, SLOs of 5 segments, listings of 10
//   --port N, --keystone-port N   instead of free ones
//   --listen ADDRESS, --internal-host NAME   where proxies and Keystone listen, and their name in internal endpoints
//   --foreground         stays, until a signal or until a part of it has ended
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { BedError, exitOnBedError } from './bed-error.mjs';
import { DEFAULT_ROOT, startBed, stopBed } from './bed.mjs';
import { parseSetting } from './ini.mjs';
import { services } from './service.mjs';

const WATCH_MS = 1000;
const PROXY_NAME = /^[a-z][a-z0-9-]*$/;

await main().catch(exitOnBedError);

async function main() {
  const { values, tokens } = parse();
  const root = resolve(values.root);
  const asked = {
    keystone: values.keystone,
    secondProxy: values['second-proxy'],
    listen: values.listen,
    internalHost: values['internal-host'],
    ports: withoutUndefined({ proxy: port(values, 'port'), keystone: port(values, 'keystone-port') }),
    ...settings(tokens),
  };
  const began = performance.now();
  const variables = await startBed(root, asked);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`Swift at ${variables.ST_AUTH} after ${seconds} s; variables: . ${join(root, 'env')}`);
  if (values.foreground) await stay(root);
}

function parse() {
  const options = {
    root: { type: 'string', default: DEFAULT_ROOT },
    keystone: { type: 'boolean' },
    set: { type: 'string', multiple: true },
    proxy: { type: 'string', multiple: true },
    'second-proxy': { type: 'boolean' },
    port: { type: 'string' },
    'keystone-port': { type: 'string' },
    listen: { type: 'string' },
    'internal-host': { type: 'string' },
    foreground: { type: 'boolean' },
  };
  try {
    return parseArgs({ options, tokens: true });
  } catch (error) {
    throw new BedError(error.message);
  }
}

/** Sorts the settings to the main proxy and backends, or to the proxy that was named before them. */
function settings(tokens) {
  const main = {};
  const proxies = {};
  let current = main;
  for (const { name, value } of tokens) {
    if (name === 'proxy') {
      if (!PROXY_NAME.test(value))
        throw new BedError(`--proxy ${value}: a name is letters, digits and dashes`);
      current = proxies[value] = {};
    } else if (name === 'set') {
      const setting = parseSetting(value);
      if (setting === undefined) throw new BedError(`--set ${value}: it takes FILE/SECTION/KEY=VALUE`);
      current[`${setting.file}/${setting.section}/${setting.key}`] = setting.value;
    }
  }
  return { settings: main, proxies };
}

function port(values, name) {
  if (values[name] === undefined) return undefined;
  const number = Number(values[name]);
  if (Number.isInteger(number) && number > 0 && number < 65_536) return number;
  throw new BedError(`--${name} ${values[name]}: it takes a port number`);
}

function withoutUndefined(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** Ends with everything stopped: on a signal, or, and then with exit code 1, once a part of it does not run any more. */
async function stay(root) {
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stopped.abort());
  let ended;
  while (ended === undefined && !stopped.signal.aborted) {
    await delay(WATCH_MS, undefined, { signal: stopped.signal }).catch(() => {});
    ended = await firstEnded(root);
  }
  const words = stopped.signal.aborted ? undefined : await ended?.lastWords();
  await stopBed(root);
  if (words !== undefined) throw new BedError(`${ended.name} has ended: ${words}`);
}

async function firstEnded(root) {
  for (const service of await services(root)) if ((await service.running()) === undefined) return service;
  return undefined;
}
