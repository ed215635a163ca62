import { InvalidValue } from './invalid-value.js';
import { parseReference } from './reference.js';
import type { Reference } from './reference.js';
import { isRepositoryComponent, parseRepositoryName } from './repository-name.js';
import type { RepositoryName } from './repository-name.js';

/** An image as its upstream has it. */
export interface UpstreamImage {
  /** The name of an upstream. */
  readonly upstream: string;
  /** By the name that it has there. */
  readonly repository: RepositoryName;
  /** Without one the tag `latest`. */
  readonly reference: Reference;
}

/** `upstream/repository[:tag|@digest]`, such as `docker.io/library/node:20`. @throws InvalidValue */
export function parseUpstreamImage(text: string): UpstreamImage {
  const [, upstream = '', repository = '', tag, digest] =
    /^([^/:@]+)\/([^:@]+)(?::([^:@]+)|@([^@]+:[^@]+))?$/.exec(text) ?? [];
  if (!isRepositoryComponent(upstream)) {
    throw new InvalidValue(
      'repository',
      `'${text}' is no image of an upstream: give UPSTREAM/REPOSITORY with :TAG or @DIGEST, such as docker.io/library/node:20`,
    );
  }
  return {
    upstream,
    repository: parseRepositoryName(repository),
    reference: parseReference(digest ?? tag ?? 'latest'),
  };
}
