import { InvalidValue } from './invalid-value.js';

declare const brand: unique symbol;

/** A valid repository name; slashes separate its components. */
export type RepositoryName = string & { readonly [brand]: 'RepositoryName' };

const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const MAX_LENGTH = 255;

/** OCI distribution-spec "Pulling manifests", name grammar. @throws InvalidValue */
export function parseRepositoryName(text: string): RepositoryName {
  if (text.length > MAX_LENGTH) {
    throw new InvalidValue('repository', `a repository name has at most ${MAX_LENGTH} characters`);
  }
  if (!NAME.test(text)) {
    throw new InvalidValue(
      'repository',
      'a repository name is made of lower-case letters, digits and single separators (. _ __ -), its components split by /',
    );
  }
  return text as RepositoryName;
}

/** Whether the text can be a name without slashes. */
export function isRepositoryComponent(text: string): boolean {
  return text.length <= MAX_LENGTH && !text.includes('/') && NAME.test(text);
}
