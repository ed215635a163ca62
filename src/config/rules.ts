import { BlockList, isIP } from 'node:net';
import { MIRROR_RULES } from './mirror-rules.js';
import type { Config } from './schema.js';
import { formatDuration, parseDuration } from './units.js';

/** Between the last moment of a session and its purge: listing lag and clocks that differ. */
const PURGE_MARGIN = parseDuration('2d') ?? 0;

/** What is wrong with keys that are valid by themselves. `where` tells the origin of a key's value. */
export function brokenRules(config: Config, where: (path: string) => string): string[] {
  return [
    openServer,
    halfTls,
    halfIssuer,
    loginsOfNobody,
    purgeTooEarly,
    memoryOfManyWorkers,
    ...MIRROR_RULES,
  ].flatMap((rule) => rule(config, where) ?? []);
}

type Rule = typeof openServer;

function openServer(config: Config, where: (path: string) => string): string | undefined {
  const { server, auth } = config;
  if (auth.mode !== 'none' || auth.allowOpen || isLoopback(server.host)) return undefined;
  return (
    `server.host (${where('server.host')}): '${server.host}' is reached from other machines and with auth.mode none ` +
    'everybody there may push and delete; set auth.allowOpen: true (STACKYARD_AUTH_ALLOW_OPEN=true) to permit that'
  );
}

const loginsOfNobody: Rule = ({ auth }, where) => {
  if (auth.mode !== 'none') return undefined;
  const given = [
    ['auth.htpasswd.file', auth.htpasswd.file],
    ['auth.keystone.url', auth.keystone.url],
  ].find(([, value]) => value !== undefined)?.[0];
  if (given === undefined) return undefined;
  return (
    `${given} (${where(given)}): with auth.mode none nobody logs in and everybody may do everything; ` +
    'set auth.mode: token (STACKYARD_AUTH_MODE=token), or leave the key out'
  );
};

const halfTls: Rule = ({ server: { tls } }, where) => {
  const isGiven = (name: keyof typeof tls): boolean => tls[name] !== undefined;
  const [given] = (['certificate', 'key', 'clientCa'] as const).filter(isGiven);
  const [missing] = (['certificate', 'key'] as const).filter((name) => !isGiven(name));
  if (given === undefined || missing === undefined) return undefined;
  return `server.tls.${given} (${where(`server.tls.${given}`)}): it needs server.tls.${missing} too; set that`;
};

const halfIssuer: Rule = ({ auth: { external } }, where) => {
  const isGiven = (name: keyof typeof external): boolean => external[name] !== undefined;
  const [given] = (['issuer', 'keys', 'audience', 'realm'] as const).filter(isGiven);
  const [missing] = (['issuer', 'keys'] as const).filter((name) => !isGiven(name));
  if (given === undefined || missing === undefined) return undefined;
  return `auth.external.${given} (${where(`auth.external.${given}`)}): it needs auth.external.${missing} too; set that`;
};

const purgeTooEarly: Rule = ({ uploads }, where) => {
  const least = uploads.maxAge + PURGE_MARGIN;
  if (uploads.purgeAfter >= least) return undefined;
  return (
    `uploads.purgeAfter (${where('uploads.purgeAfter')}): ${formatDuration(uploads.purgeAfter)} is less than ` +
    `uploads.maxAge + 2d and could purge a running upload; set it to ${formatDuration(least)} or more`
  );
};

const memoryOfManyWorkers: Rule = ({ server, storage }, where) => {
  if (storage.driver !== 'memory' || server.workers === 1) return undefined;
  return (
    `server.workers (${where('server.workers')}): ${server.workers} workers cannot share storage.driver memory; ` +
    'set server.workers: 1 or storage.driver: filesystem'
  );
};

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether only this machine reaches the address; a name other than localhost counts as reachable. */
function isLoopback(host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, '$1');
  if (address.toLowerCase() === 'localhost') return true;
  const family = isIP(address);
  return family !== 0 && loopback.check(address, family === 4 ? 'ipv4' : 'ipv6');
}
