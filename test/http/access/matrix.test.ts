import assert from 'node:assert/strict';
import type { OutgoingHttpHeaders } from 'node:http';
import { ROUTES } from '../../../src/http/oci/routes.js';
import type { Route } from '../../../src/http/oci/routes.js';
import { onStore } from '../../support/in-process.js';
import { Client, withDigest } from '../client.js';
import type { Answer, CallOptions } from '../client.js';
import { EMPTY_JSON, bytesOf, imageOf } from '../content.js';
import { callerHeaders } from './callers.js';
import { ExternalSigner } from './external.js';
import { CALLERS, EXPECTED, TOKEN_CALLERS, TOKEN_ROUTES } from './expected.js';
import type { CallerName, Outcome, TokenCallerName } from './expected.js';
import {
  PASSWORD,
  addUser,
  administrationOf,
  basic,
  bearer,
  challengeOf,
  postForm,
  pushClient,
} from './logins.js';
import type { TokenClient } from './logins.js';

const LAYER = bytesOf(100, 7);
const IMAGE = imageOf([LAYER]);
const NAME = 'team/app';

interface Wanted extends CallOptions {
  readonly path: string;
}

/** A request that a route answers with success, on content that is pushed anew for it. */
async function requestOf({ method, shape }: Route, admin: TokenClient): Promise<Wanted> {
  const digest = await admin.pushBlob(NAME, LAYER);
  switch (shape) {
    case 'base':
      return { path: '/v2/' };
    case 'catalog':
      return { path: '/v2/_catalog' };
    case 'extensions':
      return { path: '/v2/_oci/ext/discover' };
    case 'repository-extensions':
      return { path: `/v2/${NAME}/_oci/ext/discover` };
    case 'blob':
      return { path: `/v2/${NAME}/blobs/${digest}` };
    case 'uploads':
      return { path: `/v2/${NAME}/blobs/uploads/` };
    case 'upload': {
      const path = await admin.openUpload(NAME);
      if (method === 'PUT') return { path: withDigest(path, digest), body: LAYER };
      return method === 'PATCH' ? { path, body: LAYER } : { path };
    }
    case 'tags':
    case 'referrers':
    case 'manifest': {
      await admin.pushBlob(NAME, EMPTY_JSON);
      await admin.pushManifest(NAME, 'v1', IMAGE);
      if (shape === 'tags') return { path: `/v2/${NAME}/tags/list` };
      const path = `/v2/${NAME}/${shape === 'manifest' ? 'manifests' : 'referrers'}/${IMAGE.digest}`;
      return method === 'PUT'
        ? { path, headers: { 'content-type': IMAGE.mediaType }, body: IMAGE.bytes }
        : { path };
    }
  }
}

function assertOutcome(
  answer: Answer,
  outcome: Outcome,
  challenge: (error?: string) => string,
  who: string,
): void {
  if (typeof outcome === 'number') {
    assert.equal(answer.status, outcome, `${who}: ${answer.body.toString()}`);
    assert.equal(answer.headers['www-authenticate'], undefined, who);
    return;
  }
  const errors = { 'no token': undefined, invalid: 'invalid_token', insufficient: 'insufficient_scope' };
  assert.equal(answer.status, 401, `${who}: ${answer.body.toString()}`);
  assert.equal(answer.headers['www-authenticate'], challenge(errors[outcome]), who);
}

describe('access matrix', () => {
  it('expects something of each route, and nothing else', () => {
    const routes = ROUTES.map(({ method, shape }) => `${method} ${shape}`);
    assert.deepEqual(Object.keys(EXPECTED).sort(), routes.sort());
  });

  describe('the registry API', () => {
    const external = new ExternalSigner();
    after(() => external.remove());
    onStore(
      'memory',
      (bench) => {
        for (const route of ROUTES) {
          const title = `${route.method} ${route.shape}`;
          it(title, async () => {
            const { node } = bench();
            const headers = await callerHeaders(bench(), external);
            const admin = await pushClient(node, 'root', NAME);
            const expected = EXPECTED[title];
            assert.ok(expected, `test/http/access/expected.ts has no row for ${title}`);
            for (const caller of CALLERS) {
              const { path, ...options } = await requestOf(route, admin);
              const sent: OutgoingHttpHeaders = {
                ...options.headers,
                ...headers[caller satisfies CallerName],
              };
              const answer = await new Client(node).call(route.method, path, { ...options, headers: sent });
              const challenge = (error?: string) => challengeOf(node, expected.scope, error);
              assertOutcome(answer, expected.outcomes[caller], challenge, `${title} by ${caller}`);
            }
          });
        }
      },
      { logins: { rules: { external: external.rules() } } },
    );
  });

  describe('logins', () => {
    onStore(
      'memory',
      (bench) => {
        for (const [title, outcomes] of Object.entries(TOKEN_ROUTES)) {
          it(title, async () => {
            const { node, store } = bench();
            await addUser(administrationOf(store), 'alice');
            const [method = '', path = ''] = title.split(' ');
            const credentials: Readonly<Record<TokenCallerName, readonly [string, string] | undefined>> = {
              anonymous: undefined,
              'wrong password': ['alice', 'wrong'],
              'unknown user': ['nobody', PASSWORD],
              password: ['alice', PASSWORD],
              bearer: undefined,
            };
            for (const caller of TOKEN_CALLERS) {
              const [username, secret] = credentials[caller] ?? [];
              const login = username === undefined ? {} : basic(username, secret);
              const headers = caller === 'bearer' ? bearer('abc') : login;
              const answer =
                method === 'GET'
                  ? await new Client(node).get(path, headers)
                  : await postForm(node, formOf(username, secret), headers);
              assert.equal(
                answer.status,
                outcomes[caller],
                `${title} by ${caller}: ${answer.body.toString()}`,
              );
              assert.equal(answer.headers['www-authenticate'], undefined);
            }
          });
        }
      },
      { logins: {} },
    );
  });
});

function formOf(username = '', password = ''): readonly (readonly [string, string])[] {
  return [
    ['grant_type', 'password'],
    ['username', username],
    ['password', password],
  ];
}
