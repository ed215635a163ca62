import assert from 'node:assert/strict';
import { HtpasswdBackend } from '../../src/auth/backends/htpasswd.js';
import type { HtpasswdFile } from '../../src/auth/backends/htpasswd-file.js';
import { LoginLimits } from '../../src/auth/login-limits.js';
import { Logins } from '../../src/auth/logins.js';
import { PasswordChecks } from '../../src/auth/password-checks.js';
import type { Caller } from '../../src/auth/password-checks.js';
import { BackendOutage } from '../../src/ports/auth.js';
import type { AuthBackend, Credentials } from '../../src/ports/auth.js';
import { FakeClock, fakeIds, onStore } from '../support/in-process.js';
import { PASSWORD, addUser, administrationOf, basic } from './access/logins.js';
import { quickHasher } from './access/token-rules.js';
import { Client } from './client.js';

const REFUSED = { code: 'TOOMANYREQUESTS' };
const HOUR = 60 * 60_000;
const principal = { subject: 'alice', grantees: [], implied: [] };

describe('many logins at once', () => {
  onStore(
    'memory',
    (bench) => {
      let comparisons = 0;
      const quick = quickHasher();
      const matches = async (password: string, hash: string): Promise<boolean> => {
        comparisons += 1;
        await new Promise((done) => setTimeout(done, 100));
        return quick.matches(password, hash);
      };
      const burst = async (
        count: number,
        failures: number,
        given: (at: number) => { address: string; secret: string },
      ) => {
        const rules = { logins: { failures, window: HOUR } };
        const origin = { trustedProxies: ['127.0.0.0/8'] };
        const node = await bench().another({ logins: { hasher: { ...quick, matches }, rules, origin } });
        const tries = Array.from({ length: count }, (_, at) => {
          const { address, secret } = given(at);
          return new Client(node).get('/token', { ...basic('alice', secret), 'x-forwarded-for': address });
        });
        return (await Promise.all(tries)).map(({ status }) => status);
      };
      beforeEach(async () => {
        comparisons = 0;
        await addUser(administrationOf(bench().store), 'alice');
      });

      it('get no more guesses than the limit', async () => {
        await burst(120, 20, (at) => ({ address: `10.0.${at}.1`, secret: `guess ${at}` }));
        assert.equal(comparisons, 20);
      });

      it('of one address are compared 8 at once', async () => {
        const statuses = await burst(12, 100, (at) => ({ address: '10.0.0.1', secret: `guess ${at}` }));
        assert.equal(comparisons, 8);
        assert.equal(statuses.filter((status) => status === 429).length, 4);
      });

      it('that are right are all let in', async () => {
        const statuses = await burst(60, 20, () => ({ address: '10.0.0.1', secret: PASSWORD }));
        assert.deepEqual(new Set(statuses), new Set([200]));
      });
    },
    { logins: {} },
  );

  const begunBy = (limits: LoginLimits, count: number, account: string, address: string) =>
    Promise.all(Array.from({ length: count }, () => limits.begin(account, address)));

  it('wait for those before them, and go on as those end', async () => {
    const limits = new LoginLimits(new FakeClock(), { failures: 2, window: HOUR });
    assert.deepEqual(await begunBy(limits, 2, 'alice', '10.0.0.1'), [0, 0]);
    const next = limits.begin('alice', '10.0.0.1');
    limits.end('alice', '10.0.0.1', 'failed');
    limits.end('alice', '10.0.0.1', 'undecided');
    assert.equal(await next, 0);
    const late = limits.begin('alice', '10.0.0.2');
    limits.end('alice', '10.0.0.1', 'failed');
    assert.equal(await late, HOUR);
  });

  it('do not wait without end', async () => {
    const limits = new LoginLimits(new FakeClock(), { failures: 1, window: HOUR });
    assert.equal(await limits.begin('alice', '10.0.0.1'), 0);
    void begunBy(limits, 256, 'alice', '10.0.0.1');
    assert.equal(await limits.begin('alice', '10.0.0.1'), 1000);
  });
});

describe('an outage of a backend', () => {
  it('counts for the address alone, and not for who logged in there', async () => {
    let decide = async (_given: Credentials): Promise<typeof principal | undefined> => principal;
    const backend: AuthBackend = { name: 'far', authenticate: (given) => decide(given) };
    const logins = new Logins([backend], new LoginLimits(new FakeClock(), { failures: 3, window: HOUR }));
    const login = (username: string, address: string) => logins.login({ username, secret: 'x' }, address);
    await login('alice', '10.0.0.1');
    decide = async () => {
      throw new BackendOutage('the service does not answer');
    };
    for (let at = 0; at < 3; at += 1)
      await assert.rejects(login('alice', '10.0.0.1'), { code: 'UNAVAILABLE' });
    await assert.rejects(login('bob', '10.0.0.1'), REFUSED);
    const given: Credentials[] = [];
    decide = async (credentials) => {
      given.push(credentials);
      return principal;
    };
    await login('alice', '10.0.0.1');
    await login('alice', '10.0.0.2');
    assert.deepEqual(given, [
      { username: 'alice', secret: 'x', address: '10.0.0.1', trusted: true },
      { username: 'alice', secret: 'x', address: '10.0.0.2', trusted: false },
    ]);
  });
});

describe('comparisons that wait', () => {
  let comparisons = 0;
  let release: (() => void)[] = [];
  const slow = {
    hash: async () => '',
    matches: () => {
      comparisons += 1;
      return new Promise<boolean>((done) => release.push(() => done(false)));
    },
  };
  let checks: PasswordChecks;
  let last = 0;
  const compare = (caller: Caller) => checks.matches('alice', `${(last += 1)}`, 'x', caller);
  const fill = (count: number, caller: (at: number) => Caller) => {
    for (let at = 0; at < count; at += 1) void compare(caller(at));
  };
  beforeEach(() => {
    checks = new PasswordChecks(slow, new FakeClock(), fakeIds());
    comparisons = 0;
    release = [];
  });

  it('are at most 8 of one address, and of one IPv6 network', async () => {
    fill(8, () => ({ address: '10.0.0.1' }));
    await assert.rejects(compare({ address: '10.0.0.1' }), REFUSED);
    fill(8, (at) => ({ address: `2001:db8::${at}` }));
    await assert.rejects(compare({ address: '2001:db8::ffff' }), REFUSED);
    fill(8, () => ({ address: '10.0.0.1', trusted: true }));
    await assert.rejects(compare({ address: '10.0.0.1', trusted: true }), REFUSED);
    release[0]?.();
    await new Promise((done) => setImmediate(done));
    fill(1, () => ({ address: '10.0.0.1' }));
    await assert.rejects(compare({ address: '10.0.0.1' }), REFUSED);
    assert.equal(comparisons, 25);
  });

  it('are counted so by the password file, too', async () => {
    const current = async () => ({ hashes: new Map(), decoy: 'x' });
    const file = { current } as unknown as HtpasswdFile;
    const backend = new HtpasswdBackend({ file, passwords: checks, taken: async () => false });
    fill(8, () => ({ address: '10.0.0.1' }));
    const credentials = { username: 'alice', secret: 'x', address: '10.0.0.1' };
    await assert.rejects(backend.authenticate(credentials), REFUSED);
  });

  it('of strangers leave 16 places to others', async () => {
    fill(48, (at) => ({ address: `10.0.0.${at}` }));
    await assert.rejects(compare({ address: '10.0.1.1' }), REFUSED);
    fill(16, (at) => ({ address: `10.0.2.${at}`, trusted: true }));
    await assert.rejects(compare({ address: '10.0.1.1', trusted: true }), REFUSED);
    assert.equal(comparisons, 64);
  });

  it('are one where they are equal', async () => {
    const both = [1, 2].map(() => checks.matches('alice', 'same', 'x', {}));
    assert.equal(comparisons, 1);
    release[0]?.();
    assert.deepEqual(await Promise.all(both), [false, false]);
  });
});
