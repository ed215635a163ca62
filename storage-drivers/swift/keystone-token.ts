import { loginRequest } from './login-request.js';
import type { chooseEndpoint } from './service-catalog.js';
import type { SwiftFacts } from './swift-doctor-facts.js';

/** What Keystone tells of a token (Identity API v3, GET /v3/auth/tokens). */
export interface KeystoneToken {
  readonly roles?: readonly { readonly name: string }[];
  readonly project?: { readonly id: string; readonly name: string };
  readonly catalog?: Parameters<typeof chooseEndpoint>[0];
}

/** Asks Keystone of a token by that token itself; undefined where it does not tell. */
export async function readKeystoneToken(
  { options, client }: SwiftFacts,
  token: string,
): Promise<KeystoneToken | undefined> {
  const { origin, pathname } = new URL(loginRequest(options.account).url);
  const { statusCode, body } = await client.agent.request({
    origin,
    path: `${pathname.replace(/\/$/, '')}/v3/auth/tokens`,
    method: 'GET',
    headers: { 'X-Auth-Token': token, 'X-Subject-Token': token },
  });
  const text = await body.text();
  if (statusCode !== 200) return undefined;
  try {
    return (JSON.parse(text) as { token?: KeystoneToken }).token;
  } catch {
    return undefined;
  }
}
