import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { accessTokenKey, principalKey } from '../../src/domain/keys.js';
import type { Key } from '../../src/domain/keys.js';
import { mapBounded } from '../../src/registry/bounded.js';
import { TokenClient, askToken } from '../http/access/logins.js';
import { RegistryNode, type TestStore } from '../support/in-process.js';

const CREATED = '2026-01-01T00:00:00Z';
const PUTS_AT_ONCE = 16;

const secretOf = (id: string): string => `sy_${id}_${'s'.repeat(43)}`;
const idOf = (at: number): string => `t${at}`.padEnd(26, 'z');

/** Users `user0`, `user1`, … with the password `p`, and access tokens of theirs in turn. */
export async function fillWithLogins(
  store: TestStore,
  { users, tokens }: { readonly users: number; readonly tokens: number },
): Promise<void> {
  const put = putterOf(store);
  const user = Buffer.from(JSON.stringify({ kind: 'user', createdAt: CREATED, password: 'quick:p' }));
  await mapBounded([...Array(users).keys()], PUTS_AT_ONCE, (at) => put(principalKey(`user${at}`), user));
  await mapBounded([...Array(tokens).keys()], PUTS_AT_ONCE, (at) => {
    const hash = createHash('sha256')
      .update(secretOf(idOf(at)))
      .digest('base64url');
    const record = { owner: `user${at % users}`, ownerCreatedAt: CREATED, hash, createdAt: CREATED };
    return put(accessTokenKey(idOf(at)), Buffer.from(JSON.stringify(record)));
  });
}

/** A file of its own for each, without the driver's care for power failures. */
function putterOf(store: TestStore): (key: Key, bytes: Buffer) => Promise<unknown> {
  if (store.root === '') {
    const opened = store.driver();
    return (key, bytes) => opened.put(key, bytes);
  }
  return async (key, bytes) => {
    const path = join(store.root, key);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  };
}

/** A start asks nothing; what a login and a request ask of the store does not grow with what it holds. */
export async function assertFewRequests(
  store: TestStore,
  { user, token }: { readonly user: number; readonly token: number },
): Promise<void> {
  const node = await RegistryNode.start(store, { logins: {} });
  try {
    assert.deepEqual(await node.countOf(async () => undefined), {});
    for (let at = 0; at < 2; at += 1) (await askToken(node)).expect(200); // makes the key, and finds it
    const scopes = ['repository:team/a:pull'];
    const byPassword = (at: number) => askToken(node, { user: `user${at}`, secret: 'p', scopes });
    const first = await node.countOf(async () => (await byPassword(1)).expect(200));
    assert.deepEqual(first, { read: 6, list: 2 });
    const again = await node.countOf(async () => (await byPassword(1)).expect(200));
    assert.deepEqual(again, { read: 2 });
    const other = await node.countOf(async () => (await byPassword(user)).expect(200));
    assert.deepEqual(other, first);
    const owner = `user${token % (user + 1)}`;
    const byToken = async () =>
      (await askToken(node, { user: owner, secret: secretOf(idOf(token)), scopes })).expect(200);
    assert.deepEqual(await node.countOf(byToken), { read: 10, list: 2, put: 1 });
    assert.deepEqual(await node.countOf(byToken), { read: 3 });
    const client = new TokenClient(node, ((await byPassword(1)).json() as { token: string }).token);
    assert.deepEqual(await node.countOf(() => client.get('/v2/')), {});
  } finally {
    await node.close();
  }
}
