import assert from 'node:assert/strict';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import { decodeSessionId, encodeSessionId } from '../../src/registry/session-id.js';
import type { UploadSession } from '../../src/registry/session-id.js';
import { SessionKeys } from '../../src/registry/session-keys.js';
import { fakeIds, onEveryStore } from '../support/in-process.js';
import { withFaults } from './faulty.js';

const NAME = parseRepositoryName('a/b');
const SESSION: UploadSession = {
  set: 'set1',
  startedAt: 1_700_000_000_123,
  subject: 'Zoë.x',
  algorithm: 'sha512',
};

onEveryStore('registry/session-keys', (bench) => {
  const keysOfNode = (ids = bench().store.ids): SessionKeys => new SessionKeys(bench().store.driver(), ids);

  it('an id tells its session to every node, and to no other repository', async () => {
    const id = await encodeSessionId(keysOfNode(), NAME, SESSION);
    assert.match(id, /^[a-zA-Z0-9-_.=]+$/);
    assert.deepEqual(await decodeSessionId(keysOfNode(), NAME, id), SESSION);
    assert.equal(await decodeSessionId(keysOfNode(), parseRepositoryName('a/c'), id), undefined);
  });

  it('a later node issues with the key that it finds', async () => {
    const first = await keysOfNode().current();
    assert.deepEqual(await keysOfNode().current(), first);
  });

  it('two nodes that start at once may make two keys; each accepts what the other issued', async () => {
    const nodes = [keysOfNode(), keysOfNode()];
    const ids = await Promise.all(nodes.map((keys) => encodeSessionId(keys, NAME, SESSION)));
    for (const keys of nodes) {
      for (const id of ids) assert.deepEqual(await decodeSessionId(keys, NAME, id), SESSION);
    }
  });

  it('concurrent sessions of one node have one key', async () => {
    const keys = keysOfNode();
    const chosen = await Promise.all(Array.from({ length: 16 }, () => keys.current()));
    assert.equal(new Set(chosen.map(({ id }) => id)).size, 1);
  });

  it('a key is made again where making it failed', async () => {
    const { store } = bench();
    const driver = store.driver();
    const put = driver.put.bind(driver);
    let failures = 1;
    driver.put = (...call) => (failures-- > 0 ? Promise.reject(new Error('away')) : put(...call));
    const keys = new SessionKeys(driver, store.ids);
    await assert.rejects(keys.current(), /away/);
    assert.ok(await keys.current());
  });

  it('a key that another node has just made is found though the nearest replica lacks it', async () => {
    const id = await encodeSessionId(keysOfNode(), NAME, SESSION);
    const { store } = bench();
    const driver = store.driver();
    const late = withFaults(driver, {
      read: async (key, options) => {
        if (options?.fresh !== true) throw new StorageError('NOT_FOUND', `${key} is not here yet`);
        return driver.read(key, options);
      },
    });
    assert.deepEqual(await decodeSessionId(new SessionKeys(late, store.ids), NAME, id), SESSION);
  });

  it('an id is refused unless every part is as it was signed', async () => {
    const keys = keysOfNode();
    const id = await encodeSessionId(keys, NAME, SESSION);
    const parts = id.split('.');
    const forged = [
      ...parts.map((part, at) => parts.map((each, i) => (i === at ? `${part}0` : each)).join('.')),
      ...parts.map((_, at) => parts.filter((_part, i) => i !== at).join('.')),
      id.replace('sha512', 'sha256'),
      id.replace('sha512', 'md5'),
      `${id}.`,
      '',
      '.....',
      parts.map((part, i) => (i === 4 ? '../../format' : part)).join('.'),
    ];
    for (const text of forged) assert.equal(await decodeSessionId(keys, NAME, text), undefined, text);
  });

  it('another key with the same id does not fit', async () => {
    const id = await encodeSessionId(keysOfNode(), NAME, SESSION);
    const [, , , , keyId = ''] = id.split('.');
    const secret = Buffer.alloc(32, 99);
    const foreign = {
      current: async () => ({ id: keyId, secret }),
      find: async () => secret,
    } as unknown as SessionKeys;
    assert.equal(await decodeSessionId(foreign, NAME, id), undefined);
    assert.notDeepEqual(fakeIds().secret(32), secret);
  });
});
