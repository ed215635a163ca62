/** A user or robot with a password or access token, or an access token by itself. */
export type Credentials = { readonly username: string; readonly secret: string } | { readonly token: string };

/** The header (RFC 7617, RFC 6750). */
export function authorizationOf(credentials: Credentials): string {
  if ('token' in credentials) return `Bearer ${credentials.token}`;
  const { username, secret } = credentials;
  return `Basic ${Buffer.from(`${username}:${secret}`).toString('base64')}`;
}
