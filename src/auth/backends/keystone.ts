import { isLocalName } from '../../domain/grant.js';
import type { AuthBackend, Credentials, Principal } from '../../ports/auth.js';
import { looksLikeAccessToken } from '../access-tokens.js';
import type { KeystoneProject, KeystoneScope, KeystoneToken } from './keystone-answer.js';
import type { KeystoneClient } from './keystone-client.js';
import { identityOf, subjectOf } from './keystone-identity.js';
import type { KeystoneIdentity } from './keystone-identity.js';
import { granteeIfNamed, roleGrantees } from './keystone-rights.js';
import type { KeystoneRights } from './keystone-rights.js';
import type { RememberedLogins } from './remembered-logins.js';

export interface KeystoneParts {
  readonly client: KeystoneClient;
  readonly logins: RememberedLogins;
  readonly rights: KeystoneRights;
  /** Whether another backend has a user or robot of that name. */
  readonly taken: (name: string) => Promise<boolean>;
  readonly warn: (message: string) => void;
}

export interface KeystoneOptions {
  /** The name of the domain of users who give none. */
  readonly domain: string;
  /** Milliseconds for all that one login asks of Keystone. */
  readonly timeout: number;
}

const MOST_PROJECTS = 50;
const MOST_AT_ONCE = 8;
const MOST_USERNAME = 600;

/**
 * Users of OpenStack, by their password or an application credential (see `identityOf`); their roles in projects allow
 * actions in the repositories of these. Names that another backend has are never asked of Keystone, nor are secrets
 * that look like an access token of ours. An application credential has the rights of its project and roles alone,
 * not the grants that are stored for its user. Right logins are remembered for a minute; there is no `recall`.
 */
export class KeystoneBackend implements AuthBackend {
  readonly name = 'keystone';

  constructor(
    private readonly parts: KeystoneParts,
    private readonly options: KeystoneOptions,
  ) {}

  /** @throws BackendOutage; RegistryError TOOMANYREQUESTS */
  async authenticate(credentials: Credentials): Promise<Principal | undefined> {
    const { username, secret } = credentials;
    if (username.length > MOST_USERNAME || looksLikeAccessToken(secret)) return undefined;
    const identity = identityOf(credentials, this.options.domain);
    if (identity === undefined) return undefined;
    if (isLocalName(username) && (await this.parts.taken(username))) return undefined;
    return this.parts.logins.login(credentials, () => this.ask(identity));
  }

  private async ask(identity: KeystoneIdentity): Promise<Principal | undefined> {
    const signal = AbortSignal.timeout(this.options.timeout);
    const token = await this.parts.client.login(identity, signal);
    if (token === undefined) return undefined;
    const isPassword = identity.kind === 'password';
    const scopes = isPassword ? await this.scopesOf(token, signal) : [token.scope];
    if (scopes === undefined) return undefined;
    const counting = scopes.filter((scope) => scope !== undefined && this.parts.rights.counts(scope));
    return this.principalOf(token, counting as KeystoneScope[], isPassword);
  }

  private async scopesOf(
    token: KeystoneToken,
    signal: AbortSignal,
  ): Promise<readonly (KeystoneScope | undefined)[] | undefined> {
    const all = await this.parts.client.projects(token, signal);
    if (all === undefined) return undefined;
    const projects = this.firstOf(token, all);
    const scopes: (KeystoneScope | undefined)[] = [];
    for (let at = 0; at < projects.length; at += MOST_AT_ONCE) {
      const some = projects.slice(at, at + MOST_AT_ONCE);
      const tokens = await Promise.all(some.map((one) => this.parts.client.scoped(token, one, signal)));
      scopes.push(...tokens.map((scoped) => scoped?.scope));
    }
    return scopes;
  }

  private firstOf({ user }: KeystoneToken, all: readonly KeystoneProject[]): readonly KeystoneProject[] {
    const counting = all.filter((project) => this.parts.rights.mayCount(project));
    if (counting.length <= MOST_PROJECTS) return counting;
    this.parts.warn(
      `${subjectOf(user)} has roles in ${counting.length} projects, of which the first ${MOST_PROJECTS} by name count; ` +
        'name those that matter in auth.keystone.projects',
    );
    const byName = (a: KeystoneProject, b: KeystoneProject): number =>
      a.name < b.name || (a.name === b.name && a.id < b.id) ? -1 : 1;
    return [...counting].sort(byName).slice(0, MOST_PROJECTS);
  }

  private principalOf(
    { user }: KeystoneToken,
    scopes: readonly KeystoneScope[],
    isUserItself: boolean,
  ): Principal {
    const subject = subjectOf(user);
    const own = isUserItself ? granteeIfNamed({ kind: 'user', name: subject }) : [];
    return {
      subject,
      grantees: [...own, ...roleGrantees(scopes)],
      implied: this.parts.rights.impliedBy(scopes),
    };
  }
}
