import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import { isMirrored } from './namespaces.js';

/** Of a change of what is taken from upstreams: 405. */
export function unchangeable(name: string): RegistryError {
  return new RegistryError(
    'UNSUPPORTED',
    `${name} is taken from its upstream: what lies below mirror/ is neither pushed nor deleted here`,
  );
}

/** @throws RegistryError UNSUPPORTED for a repository that is taken from its upstream */
export function requireUnmirrored(name: RepositoryName): void {
  if (isMirrored(name)) throw unchangeable(name);
}
