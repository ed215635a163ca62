import { RepositoryPattern } from '../domain/repository-pattern.js';
import type { RepositoryName } from '../domain/repository-name.js';
import type { Clock } from '../ports/clock.js';
import { Networks } from './networks.js';

export interface RedirectRules {
  /** CIDR blocks; without any every client. */
  readonly clients: readonly string[];
  /** Patterns; without any every repository. */
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
  const clients = new Networks(rules.clients.length > 0 ? rules.clients : EVERYWHERE);
  const patterns = (rules.repositories.length > 0 ? rules.repositories : ['**']).map((text) =>
    RepositoryPattern.parse(text),
  );
  return (name, address) =>
    address !== undefined && patterns.some((pattern) => pattern.matches(name)) && clients.has(address)
      ? new Date(clock.now() + rules.maxAge)
      : undefined;
}
