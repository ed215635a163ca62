import type { RepositoryName } from '../../domain/repository-name.js';
import type { Challenge } from './challenges.js';
import type { TokenService } from './token-requests.js';
import { boundRealm } from './token-realm.js';
import { basicAuthorization, credentialsFor } from './upstream-credentials.js';
import type { UpstreamTokens } from './upstream-tokens.js';
import type { Upstream } from './upstream.js';
import { UpstreamError, isUpstreamError } from './upstream-error.js';

type Scheme = { readonly kind: 'basic' } | ({ readonly kind: 'bearer' } & TokenService);

/**
 * How we log in at an upstream: nothing is sent before it asked, and what it asked for is remembered as long as that can
 * be given. So what one repository asks for in vain is not asked of the others.
 */
export class UpstreamLogins {
  private scheme: Scheme | undefined;

  constructor(
    private readonly upstream: Upstream,
    private readonly tokens: UpstreamTokens,
  ) {}

  /** Authorization for a repository; undefined where none is known to be wanted. @throws UpstreamError */
  async authorization(repository: RepositoryName, signal?: AbortSignal): Promise<string | undefined> {
    const { scheme } = this;
    if (scheme === undefined) return undefined;
    try {
      return await this.authorizationBy(scheme, repository, signal);
    } catch (error) {
      if (isUpstreamError(error) && this.scheme === scheme) this.scheme = undefined;
      throw error;
    }
  }

  /**
   * Another Authorization after one, or none, met these challenges.
   * @throws UpstreamError `denied` where there is none, `refused` for a foreign realm, and as tokens do
   */
  async renewed(
    repository: RepositoryName,
    challenges: readonly Challenge[],
    refused: string | undefined,
    signal?: AbortSignal,
  ): Promise<string> {
    const scheme = this.schemeOf(challenges);
    if (scheme === undefined) {
      throw this.denied(repository, 'asks for a login in no way that we know (Bearer, Basic)');
    }
    if (scheme.kind === 'bearer' && refused?.startsWith('Bearer ') === true) {
      this.tokens.forget(scheme, repository, refused.slice('Bearer '.length));
    }
    const authorization = await this.authorizationBy(scheme, repository, signal);
    this.scheme = scheme;
    if (authorization === undefined) {
      throw this.denied(
        repository,
        'asks for a username and a password; give them in logins of the upstream',
      );
    }
    if (authorization === refused) {
      throw this.denied(repository, 'refuses our login; correct it in logins of the upstream');
    }
    return authorization;
  }

  private async authorizationBy(
    scheme: Scheme,
    repository: RepositoryName,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    if (scheme.kind === 'bearer') return `Bearer ${await this.tokens.get(scheme, repository, signal)}`;
    const login = credentialsFor(this.upstream, repository);
    return login?.kind === 'password' ? basicAuthorization(login) : undefined;
  }

  private schemeOf(challenges: readonly Challenge[]): Scheme | undefined {
    const bearer = challenges.find(
      ({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm'),
    );
    if (bearer !== undefined) {
      const realm = boundRealm(this.upstream, bearer.parameters.get('realm') ?? '');
      return { kind: 'bearer', realm, service: bearer.parameters.get('service') };
    }
    return challenges.some(({ scheme }) => scheme === 'basic') ? { kind: 'basic' } : undefined;
  }

  private denied(repository: RepositoryName, why: string): UpstreamError {
    const { name, url } = this.upstream;
    return new UpstreamError('denied', `${name} (${url.host}) ${why}; it was asked for ${repository}`);
  }
}
