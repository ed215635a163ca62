import assert from 'node:assert/strict';
import { createAuthStore } from '../../src/composition/auth.js';
import { tokenUseKey } from '../../src/domain/keys.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import {
  addUser,
  administrationOf,
  claimsOf,
  refresh,
  refreshTokenFor,
  tokenAnswer,
} from '../http/access/logins.js';
import type { Administration, TokenAnswer } from '../http/access/logins.js';
import { onStore } from '../support/in-process.js';

const MINUTE = 60_000;

/** The same driver, which cannot note the use of a token. */
function unableToNote(driver: StorageDriver, id: string, error: Error): StorageDriver {
  return new Proxy(driver, {
    get: (target, name) => {
      const own: unknown = Reflect.get(target, name);
      if (name !== 'put') return typeof own === 'function' ? (own.bind(target) as unknown) : own;
      const put: StorageDriver['put'] = async (...call) => {
        if (call[0] === tokenUseKey(id)) throw error;
        return target.put(...call);
      };
      return put;
    },
  });
}

describe('logins by access token', () => {
  onStore(
    'memory',
    (bench) => {
      let admin: Administration;
      beforeEach(async () => {
        admin = administrationOf(bench().store);
        await addUser(admin, 'alice');
      });

      const lastUse = async () => (await admin.tokens.page('alice', { limit: 1 })).items[0]?.lastUsedAt;

      it('do not fail because the store cannot note them', async () => {
        const { store, another } = bench();
        const { id, secret } = await admin.tokens.create('alice', {});
        const away = new StorageError('UNAVAILABLE', 'the store is away');
        const node = await another({ logins: {}, driver: unableToNote(store.driver(), id, away) });
        const token = await refreshTokenFor(node, 'alice', secret);
        (await refresh(node, token)).expect(200);
        assert.equal(await lastUse(), undefined);
        const defect = unableToNote(store.driver(), id, new TypeError('a defect'));
        const { tokens } = createAuthStore({ driver: defect, clock: store.clock, ids: store.ids });
        await assert.rejects(tokens.used(id), /a defect/);
      });

      it('by way of a refresh token are uses of it too', async () => {
        const { node, store } = bench();
        const { secret } = await admin.tokens.create('alice', {});
        const token = await refreshTokenFor(node, 'alice', secret);
        const before = await lastUse();
        store.clock.advance(30 * MINUTE);
        (await refresh(node, token)).expect(200);
        assert.equal(Date.parse((await lastUse()) ?? '') - Date.parse(before ?? ''), 30 * MINUTE);
      });

      it('give bearer tokens that end with it', async () => {
        const { node, store } = bench();
        const { secret } = await admin.tokens.create('alice', { lifetime: 2 * MINUTE });
        const end = store.clock.now() + 2 * MINUTE;
        store.clock.advance(MINUTE);
        const assertEnds = ({ access_token: token, expires_in: seconds }: TokenAnswer) => {
          const exp = Number(claimsOf(token).exp);
          assert.equal(exp, Math.floor(end / 1000));
          assert.equal(seconds, exp - Math.floor(store.clock.now() / 1000));
        };
        assertEnds(await tokenAnswer(node, { user: 'alice', secret }));
        const lasting = await refreshTokenFor(node, 'alice', secret);
        assertEnds((await refresh(node, lasting)).expect(200).json() as TokenAnswer);
        store.clock.advance(MINUTE - 1);
        const { expires_in: last } = await tokenAnswer(node, { user: 'alice', secret });
        assert.equal(last, 1);
        const { expires_in: own } = await tokenAnswer(node, { user: 'alice' });
        assert.ok(own > 120);
      });
    },
    { logins: {} },
  );
});
