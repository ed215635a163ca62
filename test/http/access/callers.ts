import type { OutgoingHttpHeaders } from 'node:http';
import jwt from 'jsonwebtoken';
import type { Bench } from '../../support/in-process.js';
import type { CallerName } from './expected.js';
import { ISSUER } from './external.js';
import type { ExternalSigner } from './external.js';
import { resigned, signedWithPublicKey, withHeader, withPayload } from './forged.js';
import {
  addUser,
  administrationOf,
  anonymousToken,
  basic,
  bearer,
  refreshTokenFor,
  tokenAnswer,
  tokenFor,
} from './logins.js';

const MINUTE = 60_000;
const SCOPES = ['repository:team/app:pull,push,delete', 'registry:catalog:*'];

/** The Authorization of every caller of the matrix; makes their users, of which `root` is an admin. */
export async function callerHeaders(
  { node, store, another }: Bench,
  external: ExternalSigner,
): Promise<Readonly<Record<CallerName, OutgoingHttpHeaders>>> {
  const admin = administrationOf(store);
  await admin.accounts.createUser('root', { password: 'correct horse', admin: true });
  await addUser(admin, 'puller', ['team/*', 'pull']);
  await addUser(admin, 'pusher', ['team/*', 'pull,push']);
  await addUser(admin, 'deleter', ['team/*', 'delete']);
  await addUser(admin, 'elsewhere', ['team/other', 'pull,push,delete']);
  await addUser(admin, 'nobody');
  await addUser(admin, 'dismissed', ['**', 'pull,push,delete']);
  const get = (user: string) => tokenFor(node, user, ...SCOPES);

  const expired = await get('root');
  store.clock.advance(6 * MINUTE);
  const revoked = await get('dismissed');
  await admin.accounts.update({ kind: 'user', name: 'dismissed' }, { disabled: true });
  store.clock.advance(5000);
  const right = await get('root');
  const otherNode = await another({ logins: { rules: { service: 'other' } } });
  const elsewhere = await tokenFor(
    node,
    'elsewhere',
    'repository:team/other:pull,push,delete',
    'registry:catalog:*',
  );
  const foreign = await tokenAnswer(otherNode, { user: 'root', scopes: SCOPES, query: { service: 'other' } });

  const now = store.clock.now();
  return {
    anonymous: {},
    'wrong password': basic('root', 'wrong'),
    'anonymous token': bearer(await anonymousToken(node, ...SCOPES)),
    'no grant': bearer(await get('nobody')),
    pull: bearer(await get('puller')),
    push: bearer(await get('pusher')),
    delete: bearer(await get('deleter')),
    admin: bearer(right),
    expired: bearer(expired),
    revoked: bearer(revoked),
    'other repository': bearer(elsewhere),
    'other service': bearer(foreign.token),
    'payload changed': bearer(withPayload(await get('nobody'), { sub: 'root', access: rootAccess })),
    'signature cut': bearer(right.slice(0, -8)),
    'no signature': bearer(right.split('.').slice(0, 2).join('.') + '.=.'),
    'alg none': bearer(withHeader(right, { alg: 'none' }, '')),
    'HS256 by public key': bearer(await signedWithPublicKey(right, store)),
    'unknown kid': bearer(withHeader(right, { kid: 'A'.repeat(43) })),
    'kid of a path': bearer(withHeader(right, { kid: '../../auth/principals/root' })),
    'kid of no text': bearer(withHeader(right, { kid: { length: 43 } })),
    'no end': bearer(await resigned(right, store, { exp: undefined })),
    'no JSON': bearer(`${right.split('.')[0]}.bm90IEpTT04.${right.split('.')[2]}`),
    'refresh token': bearer(await refreshTokenFor(node, 'root')),
    'external issuer': bearer(external.token(now, allAccess)),
    'external, expired': bearer(external.token(now - 10 * MINUTE, allAccess)),
    'external, of another issuer': bearer(external.token(now, allAccess, { iss: 'other' })),
    'external, for another service': bearer(external.token(now, allAccess, { aud: 'other' })),
    'external, by another key': bearer(
      await resigned(right, store, { iss: ISSUER, aud: 'registry.example' }),
    ),
    'external, HS256 by public key': bearer(
      jwt.sign(
        { iss: ISSUER, aud: 'registry.example', access: allAccess, exp: now / 1000 + 300 },
        external.publicKey.export({ format: 'pem', type: 'spki' }),
        { algorithm: 'HS256', keyid: 'theirs', noTimestamp: true },
      ),
    ),
  };
}

const allAccess = [
  { type: 'repository', name: 'team/app', actions: ['*'] },
  { type: 'registry', name: 'catalog', actions: ['*'] },
];
const rootAccess = [{ type: 'repository', name: 'team/app', actions: ['pull', 'push', 'delete'] }];
