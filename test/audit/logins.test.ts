import assert from 'node:assert/strict';
import { LoginLimits } from '../../src/auth/login-limits.js';
import { Logins } from '../../src/auth/logins.js';
import type { AuditTrail, NewAuditEvent } from '../../src/ports/audit.js';
import { BackendOutage } from '../../src/ports/auth.js';
import type { AuthBackend, Principal } from '../../src/ports/auth.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import {
  PASSWORD,
  addUser,
  administrationOf,
  anonymousToken,
  askToken,
  postForm,
  refresh,
  refreshTokenFor,
} from '../http/access/logins.js';
import { FakeClock, onStore } from '../support/in-process.js';
import type { RegistryNode } from '../support/in-process.js';

const FROM = '127.0.0.1';

/** Keeps what it is told; fails while it is `out`. */
class ToldTrail implements AuditTrail {
  readonly events: NewAuditEvent[] = [];
  out = false;

  async record(event: NewAuditEvent): Promise<void> {
    if (this.out) throw new StorageError('UNAVAILABLE', 'the store is away', { retryAfter: 7 });
    this.events.push(event);
  }

  note(event: NewAuditEvent): void {
    assert.fail(`${event.action} was only noted`);
  }

  isStrict(): boolean {
    return false;
  }
}

describe('audited logins', () => {
  onStore('memory', (bench) => {
    let trail: ToldTrail;
    let node: RegistryNode;
    beforeEach(async () => {
      trail = new ToldTrail();
      await addUser(administrationOf(bench().store), 'alice');
      node = await bench().another({
        logins: { rules: { logins: { failures: 3, window: 60_000 } } },
        audit: trail,
      });
    });
    const said = () => JSON.stringify(trail.events);

    it('are recorded once each, by password and by form', async () => {
      (await askToken(node, { user: 'alice' })).expect(200);
      (
        await postForm(node, [
          ['grant_type', 'password'],
          ['username', 'alice'],
          ['password', PASSWORD],
        ])
      ).expect(200);
      const event = { action: 'login', outcome: 'ok', by: 'alice', from: FROM };
      assert.deepEqual(trail.events, [event, event]);
    });

    it('tell the access token that was used, never its secret', async () => {
      const { id, secret } = await administrationOf(bench().store).tokens.create('alice', {});
      (await askToken(node, { user: 'alice', secret })).expect(200);
      assert.deepEqual(trail.events, [
        { action: 'login', outcome: 'ok', by: 'alice', from: FROM, token: id },
      ]);
      assert.ok(!said().includes(secret));
    });

    it('that fail are recorded with the name that was tried, cut, never with the secret', async () => {
      (await askToken(node, { user: 'alice', secret: 'guessed-it' })).expect(401);
      (await askToken(node, { user: 'x'.repeat(500), secret: 'guessed-it' })).expect(401);
      assert.deepEqual(trail.events, [
        { action: 'login', outcome: 'denied', by: 'alice', from: FROM },
        { action: 'login', outcome: 'denied', by: 'x'.repeat(64), from: FROM },
      ]);
      assert.ok(!said().includes('guessed-it'));
    });

    it('that are refused without a look, malformed, anonymous or by refresh token are not', async () => {
      const token = await refreshTokenFor(node, 'alice');
      for (let at = 0; at < 3; at += 1) await askToken(node, { user: 'bob', secret: 'x' });
      trail.events.length = 0;
      (await askToken(node, { user: 'bob' })).expect(429);
      (await refresh(node, token)).expect(200);
      (await refresh(node, 'nonsense')).expect(401);
      (
        await postForm(node, [
          ['grant_type', 'password'],
          ['username', 'alice'],
        ])
      ).expect(400);
      await anonymousToken(node);
      assert.deepEqual(trail.events, []);
    });

    it('are answered 503 where they cannot be recorded', async () => {
      trail.out = true;
      for (const secret of [PASSWORD, 'wrong']) {
        const answer = (await askToken(node, { user: 'alice', secret })).expectError(503, 'UNAVAILABLE');
        assert.equal(answer.header('retry-after'), '7');
      }
      trail.out = false;
      (await askToken(node, { user: 'alice' })).expect(200);
    });
  });

  describe('of the admin API and by certificate', () => {
    const principal: Principal = { subject: 'alice', grantees: [], implied: [] };
    let outage = false;
    const backend: AuthBackend = {
      name: 'near',
      authenticate: async ({ secret }) => {
        if (outage) throw new BackendOutage('it does not answer');
        return secret === PASSWORD ? principal : undefined;
      },
      certified: async (name) => (name === 'alice' ? principal : undefined),
    };
    let trail: ToldTrail;
    let logins: Logins;
    beforeEach(() => {
      outage = false;
      trail = new ToldTrail();
      logins = new Logins(
        [backend],
        new LoginLimits(new FakeClock(), { failures: 3, window: 60_000 }),
        trail,
      );
    });
    const login = (secret: string) =>
      logins.login({ username: 'alice', secret }, FROM, { record: 'failures' });

    it('are recorded where they fail alone, if that is what is wanted', async () => {
      await login(PASSWORD);
      await logins.certified('alice', FROM, { record: 'failures' });
      assert.deepEqual(trail.events, []);
      await assert.rejects(login('wrong'), { code: 'UNAUTHORIZED' });
      assert.deepEqual(trail.events, [{ action: 'login', outcome: 'denied', by: 'alice', from: FROM }]);
    });

    it('are recorded where a certificate is somebody’s', async () => {
      assert.equal(await logins.certified('nobody', FROM), undefined);
      assert.equal((await logins.certified('alice', FROM))?.principal, principal);
      assert.deepEqual(trail.events, [{ action: 'login', outcome: 'ok', by: 'alice', from: FROM }]);
    });

    it('are not recorded where it could not be decided', async () => {
      outage = true;
      await assert.rejects(logins.login({ username: 'alice', secret: 'x' }, FROM), { code: 'UNAVAILABLE' });
      assert.deepEqual(trail.events, []);
    });
  });
});
