import assert from 'node:assert/strict';
import type { OutgoingHttpHeaders } from 'node:http';
import { processLocks } from '../../../src/composition/locks.js';
import { createAdminTools } from '../../../src/composition/admin-tools.js';
import { parseGrant } from '../../../src/domain/grant.js';
import type { Grant } from '../../../src/domain/grant.js';
import type { RegistryNode, TestStore } from '../../support/in-process.js';
import { Client } from '../client.js';
import type { Answer, CallOptions } from '../client.js';
import { quickHasher, tokenRules } from './token-rules.js';
import type { AuthRules } from './token-rules.js';

export const SERVICE = 'stackyard';
export const PASSWORD = 'correct horse';

/** What an administrator does at the command line, another process over the same store. */
export function administrationOf(store: TestStore, rules: Partial<AuthRules> = {}) {
  const { clock, ids } = store;
  const driver = store.driver();
  return createAdminTools(
    { driver, clock, ids, hasher: quickHasher(), locker: processLocks() },
    tokenRules(rules),
  );
}

export type Administration = ReturnType<typeof administrationOf>;

export function grantOf(repositories: string, actions: string): Grant {
  return parseGrant({ repositories, actions });
}

/** A user with the usual password and one grant. */
export async function addUser(
  admin: Administration,
  name: string,
  ...grants: readonly (readonly [repositories: string, actions: string])[]
): Promise<void> {
  await admin.accounts.createUser(name, { password: PASSWORD });
  for (const [repositories, actions] of grants) {
    await admin.permissions.add({ kind: 'user', name }, grantOf(repositories, actions));
  }
}

export function basic(username: string, secret = PASSWORD): OutgoingHttpHeaders {
  return { authorization: `Basic ${Buffer.from(`${username}:${secret}`).toString('base64')}` };
}

export function bearer(token: string): OutgoingHttpHeaders {
  return { authorization: `Bearer ${token}` };
}

export interface TokenAnswer {
  readonly token: string;
  readonly access_token: string;
  readonly expires_in: number;
  readonly issued_at: string;
  readonly refresh_token?: string;
  readonly scope?: string;
}

export interface TokenWish {
  readonly user?: string;
  readonly secret?: string;
  readonly scopes?: readonly string[];
  readonly query?: Readonly<Record<string, string>>;
}

/** GET /token, whatever the answer. */
export function askToken(
  node: RegistryNode,
  { user, secret, scopes = [], query = {} }: TokenWish = {},
): Promise<Answer> {
  const parameters = new URLSearchParams({ service: SERVICE, ...query });
  for (const scope of scopes) parameters.append('scope', scope);
  return new Client(node).get(
    `/token?${parameters.toString()}`,
    user === undefined ? {} : basic(user, secret),
  );
}

export async function tokenAnswer(node: RegistryNode, wish: TokenWish = {}): Promise<TokenAnswer> {
  return (await askToken(node, wish)).expect(200).json() as TokenAnswer;
}

export async function tokenFor(
  node: RegistryNode,
  user: string,
  ...scopes: readonly string[]
): Promise<string> {
  return (await tokenAnswer(node, { user, scopes })).token;
}

export async function anonymousToken(node: RegistryNode, ...scopes: readonly string[]): Promise<string> {
  return (await tokenAnswer(node, { scopes })).token;
}

export async function refreshTokenFor(node: RegistryNode, user: string, secret = PASSWORD): Promise<string> {
  const { refresh_token: token } = await tokenAnswer(node, {
    user,
    secret,
    query: { offline_token: 'true' },
  });
  assert.ok(token);
  return token;
}

/** POST /token with a form, whatever the answer. */
export function postForm(
  node: RegistryNode,
  fields: readonly (readonly [string, string])[],
  headers: OutgoingHttpHeaders = {},
): Promise<Answer> {
  return new Client(node).call('POST', '/token', {
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(fields.map(([name, value]): [string, string] => [name, value])).toString(),
  });
}

export function refresh(node: RegistryNode, token: string, ...scopes: readonly string[]): Promise<Answer> {
  return postForm(node, [
    ['grant_type', 'refresh_token'],
    ['refresh_token', token],
    ['service', SERVICE],
    ...scopes.map((scope) => ['scope', scope] as const),
  ]);
}

/** The claims of a token, unverified. */
export function claimsOf(token: string): Readonly<Record<string, unknown>> & {
  readonly access: readonly { type: string; name: string; actions: string[] }[];
} {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as ReturnType<
    typeof claimsOf
  >;
}

/** Its scopes, as they would be asked for. */
export function accessOf(token: string): readonly string[] {
  return claimsOf(token).access.map(({ type, name, actions }) => `${type}:${name}:${actions.join(',')}`);
}

/** A client that sends one token with everything. */
export class TokenClient extends Client {
  constructor(
    node: RegistryNode,
    readonly token: string,
  ) {
    super(node);
  }

  override call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    return super.call(method, path, { ...options, headers: { ...bearer(this.token), ...options.headers } });
  }
}

export async function pushClient(node: RegistryNode, user: string, repository: string): Promise<TokenClient> {
  return new TokenClient(node, await tokenFor(node, user, `repository:${repository}:pull,push,delete`));
}

/** The challenge of a node that is called by its port. */
export function challengeOf(node: RegistryNode, scope?: string, error?: string): string {
  const parts = [
    `realm="http://127.0.0.1:${node.port}/token"`,
    `service="${SERVICE}"`,
    ...(scope === undefined ? [] : [`scope="${scope}"`]),
    ...(error === undefined ? [] : [`error="${error}"`]),
  ];
  return `Bearer ${parts.join(',')}`;
}
