import assert from 'node:assert/strict';
import { SigningKeys } from '../../src/auth/signing-keys.js';
import { TOKEN_KEYS_PREFIX, tokenKeyKey } from '../../src/domain/keys.js';
import { listAll } from '../../src/ports/listing.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { FakeClock, onStore } from '../support/in-process.js';
import { Client } from '../http/client.js';
import {
  TokenClient,
  addUser,
  administrationOf,
  anonymousToken,
  askToken,
  bearer,
  tokenFor,
} from '../http/access/logins.js';
import { storedKey, withHeader } from '../http/access/forged.js';

interface Jwks {
  readonly keys: readonly Readonly<Record<string, string>>[];
}

function keyIdOf(token: string): string {
  return (JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid;
}

let lists = 0;

/** Its first list of keys ends only when two drivers of the kind have begun theirs. */
function listingAtOnce(driver: StorageDriver): StorageDriver {
  let isFirst = true;
  return new Proxy(driver, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property);
      if (property !== 'list') return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      return async (options: Parameters<StorageDriver['list']>[0]) => {
        const listing = await target.list(options);
        if (isFirst && options.prefix === TOKEN_KEYS_PREFIX) {
          isFirst = false;
          lists += 1;
          while (lists < 2) await new Promise((done) => setImmediate(done));
        }
        return listing;
      };
    },
  });
}

describe('signing keys', () => {
  onStore(
    'memory',
    (bench) => {
      const jwks = async () =>
        (await new Client(bench().node).get('/.well-known/jwks.json')).expect(200).json() as Jwks;

      it('of two nodes that start at once are two, both valid everywhere', async () => {
        const { store, another } = bench();
        const driver = () => listingAtOnce(store.driver());
        const nodes = [
          await another({ logins: {}, driver: driver() }),
          await another({ logins: {}, driver: driver() }),
        ];
        const tokens = await Promise.all(nodes.map((each) => anonymousToken(each)));
        assert.equal(new Set(tokens.map(keyIdOf)).size, 2);
        for (const each of nodes) {
          for (const token of tokens) (await new TokenClient(each, token).get('/v2/')).expect(200);
        }
        store.clock.advance(60_000);
        const later = await Promise.all(nodes.map((each) => anonymousToken(each)));
        assert.equal(new Set(later.map(keyIdOf)).size, 1);
      });

      it('are published without their secrets, by one list in 5 s', async () => {
        const { node } = bench();
        const { token } = (await askToken(node)).json() as { token: string };
        const { keys } = await jwks();
        assert.deepEqual(
          keys.map((key) => Object.keys(key).sort()),
          [['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']],
        );
        assert.equal(keys[0]?.kid, keyIdOf(token));
        assert.deepEqual(await node.countOf(() => Promise.all([jwks(), jwks(), jwks()])), {});
      });

      it('that were replaced still verify, and go when nothing of theirs can be good', async () => {
        const { node, store } = bench();
        const admin = administrationOf(store);
        await addUser(admin, 'alice');
        const old = await tokenFor(node, 'alice');
        store.clock.advance(1000);
        const { created, removed } = await admin.keys.rotate({ now: false });
        assert.deepEqual(removed, []);
        store.clock.advance(60_000);
        (await new TokenClient(node, old).get('/v2/')).expect(200);
        assert.equal(keyIdOf(await tokenFor(node, 'alice')), created);
        store.clock.advance(100 * 24 * 60 * 60_000);
        const later = await admin.keys.rotate({ now: false });
        assert.deepEqual(later.removed, [keyIdOf(old)]);
        store.clock.advance(5000);
        assert.deepEqual(
          (await jwks()).keys.map(({ kid }) => kid),
          [later.created, created],
        );
      });

      it('that are removed end what they signed, on nodes that know it well, for anonymous callers too', async () => {
        const { node, store, another } = bench();
        const other = await another({ logins: {} });
        const { token } = (await askToken(node)).json() as { token: string };
        for (const each of [node, other]) (await new TokenClient(each, token).get('/v2/')).expect(200);
        await administrationOf(store).keys.rotate({ now: true });
        store.clock.advance(5000);
        for (const each of [node, other]) (await new TokenClient(each, token).get('/v2/')).expect(401);
        const fresh = ((await askToken(node)).json() as { token: string }).token;
        (await new TokenClient(other, fresh).get('/v2/')).expect(200);
      });

      it('of ids that nobody made are looked up at most 50 times in 5 s, and a new key is found all the same', async () => {
        const { node, store, another } = bench();
        const { token } = (await askToken(node)).json() as { token: string };
        await new Client(node).get('/v2/', bearer(token));
        const flood = async () => {
          for (let at = 0; at < 120; at += 1) {
            const kid = at.toString().padStart(43, 'A');
            (await new Client(node).get('/v2/', bearer(withHeader(token, { kid })))).expect(401);
          }
        };
        const { read = 0, list = 0 } = await node.countOf(flood);
        assert.ok(read >= 100 && read <= 102, `${read} reads`); // what is not there is looked for twice
        assert.ok(list <= 1, `${list} lists`);
        store.clock.advance(5000);
        const late = await another({ logins: {} });
        await administrationOf(store).keys.rotate({ now: false });
        await node.countOf(flood);
        const fresh = ((await askToken(late)).json() as { token: string }).token;
        (await new Client(node).get('/v2/', bearer(fresh))).expect(200);
      });

      it('are asked for by no id but one of a key', async () => {
        const { node, store } = bench();
        const { token } = (await askToken(node)).json() as { token: string };
        const { id } = await storedKey(store);
        for (const kid of ['', '..', '../upload/x', `${id}/`, ` ${id}`, id.slice(1), [id], 7, null]) {
          const sent = bearer(withHeader(token, { kid }));
          const counted = await node.countOf(async () =>
            (await new Client(node).get('/v2/', sent)).expect(401),
          );
          assert.deepEqual(counted, {}, JSON.stringify(kid));
        }
      });

      it('that are unreadable are an outage, not a refusal', async () => {
        const { node, store } = bench();
        const { token } = (await askToken(node)).json() as { token: string };
        const { id } = await storedKey(store);
        const late = await bench().another({ logins: {} });
        for (const text of ['{', '{}', '{"createdAt":"2026-01-01T00:00:00Z","privateKey":{"kty":"EC"}}']) {
          await store.driver().put(tokenKeyKey(id), Buffer.from(text));
          const answer = await new TokenClient(late, token).get('/v2/');
          answer.expectError(503, 'UNAVAILABLE');
          answer.header('retry-after');
        }
        (await new TokenClient(node, token).get('/v2/')).expect(200);
      });
    },
    { logins: {} },
  );

  onStore('memory', (bench) => {
    it('are made once by whoever asks at once', async () => {
      const driver = bench().store.driver();
      const keys = new SigningKeys(driver, new FakeClock());
      await Promise.all([keys.current(), keys.current(), keys.current()]);
      const stored = [];
      for await (const key of listAll(driver, { prefix: TOKEN_KEYS_PREFIX })) stored.push(key);
      assert.equal(stored.length, 1);
    });
  });
});
