import type { RepositoryName } from '../../domain/repository-name.js';
import type { Upstream, UpstreamLogin } from './upstream.js';

export type UpstreamCredentials = UpstreamLogin['credentials'];

/** Those of the first login whose pattern matches. */
export function credentialsFor(
  { logins }: Pick<Upstream, 'logins'>,
  repository: RepositoryName,
): UpstreamCredentials | undefined {
  return logins.find(({ repositories }) => repositories.matches(repository))?.credentials;
}

/** RFC 7617, in UTF-8. */
export function basicAuthorization({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** What must not be quoted from an answer to a request with this Authorization. */
export function secretsOf(upstream: Pick<Upstream, 'logins'>, authorization?: string): readonly string[] {
  const sent = authorization?.split(' ')[1];
  return [
    ...upstream.logins.map(({ credentials }) =>
      credentials.kind === 'password' ? credentials.password : credentials.token,
    ),
    ...(sent === undefined ? [] : [sent]),
  ];
}
