import { BlockList, isIPv6 } from 'node:net';
import type { RepositoryName } from '../domain/repository-name.js';
import type { Clock } from '../ports/clock.js';

export interface RedirectRules {
  /** CIDR blocks; without any every client. */
  readonly clients: readonly string[];
  /** `*` stands for any text within one component of a name, `**` for components; without any every repository. */
  readonly repositories: readonly string[];
  /** Milliseconds for which a URL holds. */
  readonly maxAge: number;
}

/**
 * Until when the URL holds that this client gets for a blob of the repository; undefined where the blob is to be
 * proxied.
 */
export type RedirectPolicy = (name: RepositoryName, clientAddress: string | undefined) => Date | undefined;

const EVERYWHERE = ['0.0.0.0/0', '::/0'];

/** Redirects the clients that are in one of the blocks, for repositories that match one of the patterns. */
export function createRedirectPolicy(rules: RedirectRules, clock: Clock): RedirectPolicy {
  const clients = blockList(rules.clients.length > 0 ? rules.clients : EVERYWHERE);
  const patterns = rules.repositories.length > 0 ? rules.repositories : ['**'];
  const repositories = new RegExp(`^(?:${patterns.map(patternSource).join('|')})$`);
  return (name, address) =>
    address !== undefined && repositories.test(name) && clients.check(address, familyOf(address))
      ? new Date(clock.now() + rules.maxAge)
      : undefined;
}

/** An IPv4 block holds its addresses in IPv6 notation too (::ffff:10.0.0.1), as a socket for both shows them. */
function blockList(blocks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const block of blocks) {
    const [address = '', bits] = block.split('/', 2);
    list.addSubnet(address, Number(bits), familyOf(address));
  }
  return list;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}

/** `a/**` does not match `a`; `**` before a slash stands for no component too. */
function patternSource(pattern: string): string {
  return pattern.replaceAll(/\*\*\/|\*\*|\*|[^*\w/-]/g, (part) => WILDCARDS.get(part) ?? `\\${part}`);
}

const WILDCARDS: ReadonlyMap<string, string> = new Map([
  ['**/', '(?:.*/)?'],
  ['**', '.*'],
  ['*', '[^/]*'],
]);
