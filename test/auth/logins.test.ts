import assert from 'node:assert/strict';
import { LoginLimits } from '../../src/auth/login-limits.js';
import { Logins } from '../../src/auth/logins.js';
import { PasswordChecks } from '../../src/auth/password-checks.js';
import type { RegistryError } from '../../src/errors/registry-error.js';
import type { NewAuditEvent } from '../../src/ports/audit.js';
import type { AuthBackend } from '../../src/ports/auth.js';
import { FakeClock, fakeIds, onStore } from '../support/in-process.js';
import type { RegistryNode } from '../support/in-process.js';
import { Client } from '../http/client.js';
import type { Answer } from '../http/client.js';
import { PASSWORD, SERVICE, addUser, administrationOf, askToken, basic } from '../http/access/logins.js';
import { quickHasher } from '../http/access/token-rules.js';

const MINUTE = 60_000;
const WRONG = 'wrong password';

/** A login from an address, as a trusted proxy tells it. */
function loginFrom(node: RegistryNode, address: string, user: string, secret = PASSWORD): Promise<Answer> {
  return new Client(node).get(`/token?service=${SERVICE}`, {
    ...basic(user, secret),
    'x-forwarded-for': address,
  });
}

describe('logins', () => {
  const hasher = quickHasher();
  const rules = { logins: { failures: 3, window: 5 * MINUTE } };
  onStore(
    'memory',
    (bench) => {
      beforeEach(async () => {
        hasher.comparisons = 0;
        const admin = administrationOf(bench().store);
        for (const name of ['alice', 'bob']) await addUser(admin, name);
        await admin.accounts.createRobot('bare', [], {});
        await admin.accounts.createUser('gone', { password: PASSWORD });
        await admin.accounts.update({ kind: 'user', name: 'gone' }, { disabled: true });
      });

      const fail = async (times: number, address: string, user: string) => {
        for (let at = 0; at < times; at += 1)
          (await loginFrom(bench().node, address, user, WRONG)).expect(401);
      };
      const isLocked = async (address: string, user: string, secret = PASSWORD) => {
        const answer = await loginFrom(bench().node, address, user, secret);
        if (answer.status !== 429) return false;
        answer.expectError(429, 'TOOMANYREQUESTS');
        assert.equal(answer.header('retry-after'), '300');
        return true;
      };

      it('of a crowd that has one secret and one address all are let in, after one comparison', async () => {
        const crowd = Array.from({ length: 600 }, () => loginFrom(bench().node, '192.0.2.1', 'alice'));
        for (const answer of await Promise.all(crowd)) answer.expect(200);
        assert.equal(hasher.comparisons, 1);
      });

      it('answer alike for a wrong password and everybody who cannot log in, after one comparison', async () => {
        const answers = [];
        const tries = [
          ['alice', WRONG],
          ['nobody', PASSWORD],
          ['bare', PASSWORD],
          ['gone', PASSWORD],
          ['../alice', PASSWORD],
          ['alice/', PASSWORD],
          ['~', PASSWORD],
        ] as const;
        for (const [index, [user, secret]] of tries.entries()) {
          const { status, headers, body } = await loginFrom(bench().node, `10.1.0.${index}`, user, secret);
          answers.push({ status, headers: { ...headers, date: '' }, body: body.toString() });
          // Names that nobody here could have are told apart from others by anybody.
          assert.equal(hasher.comparisons, Math.min(index + 1, 4), user);
        }
        assert.equal(answers[0]?.status, 401);
        for (const answer of answers) assert.deepEqual(answer, answers[0]);
      });

      it('compare a right password once a minute, a wrong one each time', async () => {
        for (let at = 0; at < 5; at += 1) (await loginFrom(bench().node, '10.1.0.1', 'alice')).expect(200);
        assert.equal(hasher.comparisons, 1);
        await fail(2, '10.1.0.1', 'alice');
        assert.equal(hasher.comparisons, 3);
        bench().store.clock.advance(MINUTE);
        (await loginFrom(bench().node, '10.1.0.1', 'alice')).expect(200);
        assert.equal(hasher.comparisons, 4);
      });

      it('do not know an old password that was right a moment ago', async () => {
        const { node, store, another } = bench();
        const other = await another({ logins: {} });
        for (const each of [node, other]) (await askToken(each, { user: 'alice' })).expect(200);
        await administrationOf(store).accounts.update(
          { kind: 'user', name: 'alice' },
          { password: 'another password' },
        );
        for (const each of [node, other]) {
          (await askToken(each, { user: 'alice' })).expect(401);
          (await askToken(each, { user: 'alice', secret: 'another password' })).expect(200);
        }
      });

      it('of one account end for a while after too many failures from anywhere', async () => {
        for (const address of ['10.1.0.1', '10.1.0.2', '10.1.0.3']) await fail(1, address, 'alice');
        assert.ok(await isLocked('10.1.0.4', 'alice'));
        assert.ok(!(await isLocked('10.1.0.4', 'bob')));
        bench().store.clock.advance(5 * MINUTE - 1);
        (await loginFrom(bench().node, '10.1.0.4', 'alice')).expect(429);
        bench().store.clock.advance(1);
        (await loginFrom(bench().node, '10.1.0.4', 'alice')).expect(200);
      });

      it('from one address end for a while after too many failures with any account', async () => {
        for (const user of ['u1', 'u2', 'u3']) await fail(1, '10.1.0.1', user);
        assert.ok(await isLocked('10.1.0.1', 'alice'));
        assert.ok(!(await isLocked('10.1.0.2', 'alice')));
      });

      it('of who logged in there lately go on, with a count of its own', async () => {
        (await loginFrom(bench().node, '10.1.0.1', 'alice')).expect(200);
        for (const address of ['10.1.0.2', '10.1.0.3', '10.1.0.4']) await fail(1, address, 'alice');
        assert.ok(await isLocked('10.1.0.5', 'alice'));
        assert.ok(!(await isLocked('10.1.0.1', 'alice')));
        await fail(3, '10.1.0.1', 'alice');
        assert.ok(await isLocked('10.1.0.1', 'alice'));
      });

      it('of who logged in there more than a day ago do not', async () => {
        (await loginFrom(bench().node, '10.1.0.1', 'alice')).expect(200);
        bench().store.clock.advance(24 * 60 * MINUTE);
        for (const address of ['10.1.0.2', '10.1.0.3', '10.1.0.4']) await fail(1, address, 'alice');
        assert.ok(await isLocked('10.1.0.1', 'alice'));
      });

      it('by guessed access tokens count too, and cost no comparison', async () => {
        const guess = `sy_${'a'.repeat(26)}_${'A'.repeat(43)}`;
        for (let at = 0; at < 3; at += 1)
          (await loginFrom(bench().node, '10.1.0.1', 'alice', guess)).expect(401);
        assert.equal(hasher.comparisons, 0);
        assert.ok(await isLocked('10.1.0.1', 'alice', guess));
      });

      it('do not believe an address that the client made up', async () => {
        for (let at = 0; at < 3; at += 1) await fail(1, `1.2.3.${at}, 10.1.0.1`, `user${at}`);
        assert.ok(await isLocked('9.9.9.9, 10.1.0.1', 'alice'));
      });
    },
    { logins: { hasher, rules, origin: { trustedProxies: ['127.0.0.0/8'] } } },
  );

  it('that are equal, wrong and at once are one event and one failure', async () => {
    let asked = 0;
    const backend: AuthBackend = {
      name: 'none',
      authenticate: async () => {
        asked += 1;
        return undefined;
      },
    };
    const events: NewAuditEvent[] = [];
    const limits = new LoginLimits(new FakeClock(), { failures: 2, window: MINUTE });
    const logins = new Logins([backend], limits, { record: async (event) => void events.push(event) });
    const guess = (secret: string): Promise<unknown> =>
      logins.login({ username: 'alice', secret }, '10.1.0.1').catch((error: RegistryError) => error.code);
    const codes = await Promise.all(Array.from({ length: 500 }, () => guess('first')));
    assert.deepEqual(new Set(codes), new Set(['UNAUTHORIZED']));
    const denied = { action: 'login', outcome: 'denied', by: 'alice', from: '10.1.0.1' };
    assert.deepEqual(events, [denied]);
    assert.equal(limits.wait('alice', '10.1.0.1'), 0);
    assert.equal(await guess('first'), 'UNAUTHORIZED');
    assert.deepEqual(events, [denied, denied]);
    assert.equal(await guess('second'), 'TOOMANYREQUESTS');
    assert.equal(asked, 2);
  });

  it('more than 64 at once are answered 429', async () => {
    let release: (matches: boolean) => void = () => undefined;
    const slow = { hash: async () => '', matches: () => new Promise<boolean>((done) => (release = done)) };
    const checks = new PasswordChecks(slow, new FakeClock(), fakeIds());
    const compare = (secret: string) => checks.matches('alice', secret, 'x', { trusted: true });
    for (let at = 0; at < 64; at += 1) void compare(`${at}`);
    await assert.rejects(compare('last'), { code: 'TOOMANYREQUESTS' });
    release(false);
    await new Promise((done) => setImmediate(done));
    void compare('next');
    await assert.rejects(compare('last'), { code: 'TOOMANYREQUESTS' });
  });

  it('from addresses of one IPv6 network are counted together', () => {
    const limits = new LoginLimits(new FakeClock(), { failures: 3, window: MINUTE });
    for (const address of ['2001:db8:0:1::1', '2001:db8:0:1:a:b:c:d', '2001:db8::1:0:0:0:2']) {
      limits.failed(`user of ${address}`, address);
    }
    assert.ok(limits.wait('alice', '2001:db8:0:1::ffff') > 0);
    assert.equal(limits.wait('alice', '2001:db8:0:2::1'), 0);
    for (const last of [1, 2, 3]) limits.failed(`user${last}`, `::ffff:192.0.2.${last}`);
    assert.equal(limits.wait('alice', '::ffff:192.0.2.4'), 0);
  });

  it('of names of any length are counted in little memory', () => {
    const limits = new LoginLimits(new FakeClock(), { failures: 3, window: MINUTE });
    const before = process.memoryUsage().heapUsed;
    for (let at = 0; at < 3000; at += 1) limits.failed(`${at}`.padEnd(60_000, 'x'), `10.0.0.${at}`);
    assert.ok(process.memoryUsage().heapUsed - before < 60_000_000);
    assert.equal(limits.wait('1', '10.0.0.1'), 0);
  });
});
