import { isLocalName } from '../../domain/grant.js';
import type { AuthBackend, Credentials, Principal } from '../../ports/auth.js';
import { looksLikeAccessToken } from '../access-tokens.js';
import type { PasswordChecks } from '../password-checks.js';
import { personalGrants } from '../personal-namespace.js';
import type { HtpasswdFile } from './htpasswd-file.js';

export interface HtpasswdParts {
  readonly file: HtpasswdFile;
  readonly passwords: PasswordChecks;
  /** Whether the store has a user or robot of that name. */
  readonly taken: (name: string) => Promise<boolean>;
  /** See `LocalParts`. */
  readonly personalNamespaces?: string | undefined;
}

/**
 * Users of a file that `htpasswd -B` writes, by password. A name that the store has too is the store's alone, whether
 * or not it may log in there: the file never gives it a second password. Whoever is not in the file costs a compare
 * as well. There is no `recall`, and so no refresh token: a client keeps the password.
 */
export class HtpasswdBackend implements AuthBackend {
  readonly name = 'htpasswd';

  constructor(private readonly parts: HtpasswdParts) {}

  async authenticate({ username, secret, ...caller }: Credentials): Promise<Principal | undefined> {
    if (!isLocalName(username) || looksLikeAccessToken(secret)) return undefined;
    const { hashes, decoy } = await this.parts.file.current();
    const known = (await this.parts.taken(username)) ? undefined : hashes.get(username);
    const matches = await this.parts.passwords.matches(username, secret, known ?? decoy, caller);
    return matches && known !== undefined ? this.principalOf(username) : undefined;
  }

  /** Whether the file has a user of that name. */
  async has(name: string): Promise<boolean> {
    return (await this.parts.file.current()).hashes.has(name);
  }

  private principalOf(name: string): Principal {
    return {
      subject: name,
      grantees: [{ kind: 'user', name }],
      implied: personalGrants(this.parts.personalNamespaces, name),
    };
  }
}
