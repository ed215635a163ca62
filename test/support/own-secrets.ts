import assert from 'node:assert/strict';
import type { Asked } from '../mirror/upstream/upstream-bed.js';
import { HUB_LOGIN, type MirrorBed } from './mirror-bed.js';
import { basicOf } from './registry-client.js';
import { ADMIN, type Login } from './target.js';

/** Of a client, in headers that no upstream has any business with. */
export const CLIENT_SECRETS = ['secret-of-a-client-3', 'cookie-of-a-client-4'] as const;

/**
 * Looks through all that the upstreams, and `others` that they led to, were ever asked: each was shown its own login
 * and its own tokens, nobody else's, no client's, and no cookie; the others nothing at all.
 */
export function assertOwnSecretsOnly({ hub, quay }: MirrorBed, others: readonly Asked[]): void {
  const secretsOf = (login: Login): string[] => [login.password, basicOf(login).slice('Basic '.length)];
  const clients = [...CLIENT_SECRETS, ...secretsOf(ADMIN)];
  const ofHub = secretsOf(HUB_LOGIN);
  const ofQuay = [...secretsOf(quay.login), ...quay.front.issued];
  const hubBasic = basicOf(HUB_LOGIN);
  const quayBasic = basicOf(quay.login);
  for (const [whose, asked, foreign, isOwn] of [
    ['docker.io', hub.front.asked, [...clients, ...ofQuay], (shown: string) => shown === hubBasic],
    [
      'quay.io',
      quay.front.asked,
      [...clients, ...ofHub],
      (shown: string) => shown === quayBasic || quay.front.issued.has(shown.replace(/^Bearer /, '')),
    ],
    ['another', others, [...clients, ...ofHub, ...ofQuay], () => false],
  ] as const) {
    for (const { method, url, headers, body } of asked) {
      const what = `${method} ${url} of ${whose}`;
      const { authorization } = headers;
      if (authorization !== undefined) assert.ok(isOwn(authorization), `${what} has another Authorization`);
      for (const name of ['cookie', 'proxy-authorization', 'x-registry-auth'])
        assert.equal(headers[name], undefined, `${what} has ${name}`);
      const all = JSON.stringify([url, headers, body]);
      assert.ok(!foreign.some((secret) => all.includes(secret)), `${what} holds somebody else's secret`);
    }
  }
  const shown = (asked: readonly Asked[], text: string): boolean =>
    asked.some(({ headers }) => headers.authorization?.startsWith(text) === true);
  assert.ok(shown(hub.front.asked, 'Basic '), 'docker.io was never shown its login');
  assert.ok(shown(quay.front.asked, 'Basic '), 'quay.io was never shown its login');
  assert.ok(shown(quay.front.asked, 'Bearer '), 'quay.io was never shown a token');
}
