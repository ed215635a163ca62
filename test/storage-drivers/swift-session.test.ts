import assert from 'node:assert/strict';
import type { OpenStackAccount } from '../../src/domain/openstack-credentials.js';
import type { Clock } from '../../src/ports/clock.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import { login as realLogin, type Login } from '../../storage-drivers/swift/identity.js';
import { SwiftSession } from '../../storage-drivers/swift/swift-session.js';
import { swiftBed, type SwiftBed } from '../support/swift-bed.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const ACCOUNT: OpenStackAccount = {
  authUrl: 'http://keystone.example/v3',
  interface: 'public',
  credentials: { kind: 'v1', user: 'u', key: 'k' },
};

const OUTAGE = new StorageError('UNAVAILABLE', 'the identity service is out of order');

/** A session whose logins are answered by hand, at a time that stands still. */
class Bench {
  now = 1_000_000;
  /** One for each login that was begun. */
  readonly logins: {
    give: (login: Login) => void;
    fail: (error: Error) => void;
    signal: AbortSignal | undefined;
  }[] = [];
  readonly session: SwiftSession;

  constructor() {
    const clock: Clock = { now: () => this.now, every: () => () => undefined };
    this.session = new SwiftSession({
      account: ACCOUNT,
      clock,
      timeout: 1000,
      login: async (_account, { signal }) =>
        new Promise((give, fail) => {
          this.logins.push({ give, fail, signal });
        }),
    });
  }

  /** The answer of the newest login; by then it was handed on. */
  async give(token: string, life = HOUR): Promise<void> {
    this.logins.at(-1)?.give({ token, storageUrl: 'http://swift/v1/A', expiresAt: this.now + life });
    await settled();
  }

  async fail(error: Error = OUTAGE): Promise<void> {
    this.logins.at(-1)?.fail(error);
    await settled();
  }

  async token(signal?: AbortSignal): Promise<string> {
    return (await this.session.access(signal)).token;
  }

  /** The token of a session that holds one. */
  async open(token: string, life = HOUR): Promise<void> {
    const opened = this.token();
    await this.give(token, life);
    assert.equal(await opened, token);
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

describe('swift/session', () => {
  let bench: Bench;

  beforeEach(() => {
    bench = new Bench();
  });

  it('logs in once for all who wait, and hands the token out until it nears its end', async () => {
    const waiting = Array.from({ length: 20 }, async () => bench.token());
    await bench.give('a');
    assert.deepEqual(new Set(await Promise.all(waiting)), new Set(['a']));
    bench.now += HOUR - 5 * MINUTE - 1;
    assert.equal(await bench.token(), 'a');
    assert.equal(bench.logins.length, 1);
    const { storageUrl } = await bench.session.access();
    assert.equal(storageUrl.href, 'http://swift/v1/A');
  });

  it('renews five minutes before the end, once, while nobody waits', async () => {
    await bench.open('a');
    bench.now += HOUR - 5 * MINUTE;
    for (let request = 0; request < 20; request++) assert.equal(await bench.token(), 'a');
    assert.equal(bench.logins.length, 2);
    await bench.give('b');
    assert.equal(await bench.token(), 'b');
    assert.equal(bench.logins.length, 2);
  });

  it('renews a short-lived token when a tenth of its life is left', async () => {
    await bench.open('a', 10_000);
    bench.now += 8999;
    await bench.token();
    assert.equal(bench.logins.length, 1);
    bench.now += 1;
    await bench.token();
    assert.equal(bench.logins.length, 2);
  });

  it('waits for a login when the token has ended', async () => {
    await bench.open('a');
    bench.now += HOUR;
    const waiting = bench.token();
    await bench.give('b');
    assert.equal(await waiting, 'b');
  });

  it('goes on with a token that lives while its renewal fails, and hurries no login', async () => {
    await bench.open('a');
    bench.now += HOUR - 4 * MINUTE;
    assert.equal(await bench.token(), 'a');
    await bench.fail();
    const begun: number[] = [];
    for (let second = 0; second < 120; second++) {
      assert.equal(await bench.token(), 'a');
      if (bench.logins.length > begun.length + 2) {
        begun.push(second);
        await bench.fail();
      }
      bench.now += 1000;
    }
    assert.deepEqual(begun, [1, 3, 7, 15, 31, 61, 91]);
    bench.now += 4 * MINUTE;
    const waiting = bench.token();
    await bench.give('b');
    assert.equal(await waiting, 'b');
  });

  it('remembers a failed login for a while, and says when to come again', async () => {
    const first = assert.rejects(bench.token(), OUTAGE);
    await bench.fail();
    await first;
    bench.now += 999;
    await assert.rejects(bench.token(), { code: 'UNAVAILABLE', message: OUTAGE.message, retryAfter: 1 });
    assert.equal(bench.logins.length, 1);
    bench.now += 1;
    const second = assert.rejects(bench.token(), OUTAGE);
    assert.equal(bench.logins.length, 2);
    await bench.fail();
    await second;
    await assert.rejects(bench.token(), { retryAfter: 2 });
    bench.now += 2000;
    await bench.open('a');
    bench.session.refuse('a');
    await bench.open('b');
  });

  it('drops a refused token, unless a newer one is there', async () => {
    await bench.open('a');
    bench.session.refuse('a');
    const waiting = [bench.token(), bench.token()];
    assert.equal(bench.logins.length, 2);
    bench.session.refuse('a');
    await bench.give('b');
    assert.deepEqual(await Promise.all(waiting), ['b', 'b']);
    bench.session.refuse('a');
    assert.equal(await bench.token(), 'b');
    assert.equal(bench.logins.length, 2);
  });

  it('hands out a refused token that a login gives again, without a storm of logins', async () => {
    await bench.open('a');
    for (let request = 0; request < 50; request++) {
      bench.session.refuse('a');
      if (request === 0) await bench.open('a');
      assert.equal(await bench.token(), 'a');
    }
    assert.equal(bench.logins.length, 2);
    bench.now += 1000;
    bench.session.refuse('a');
    await bench.open('a');
    bench.now += 1999;
    bench.session.refuse('a');
    assert.equal(await bench.token(), 'a');
    bench.now += 1;
    bench.session.refuse('a');
    await bench.open('b');
    bench.session.refuse('b');
    await bench.open('c');
  });

  it('asks no second time for a token that the identity service gives until its end', async () => {
    await bench.open('a');
    bench.now += HOUR - 5 * MINUTE;
    await bench.token();
    await bench.give('a', 5 * MINUTE);
    bench.now += 5 * MINUTE - 1;
    assert.equal(await bench.token(), 'a');
    assert.equal(bench.logins.length, 2);
    bench.now += 1;
    await bench.open('b');
  });

  it('cannot renew a token of the configuration', async () => {
    await bench.open('given', Infinity);
    bench.session.refuse('given');
    const waiting = assert.rejects(bench.token(), {
      code: 'UNAVAILABLE',
      message:
        /Swift refuses the token, which cannot be renewed \(HTTP 401\); set a new storage\.swift\.token/,
    });
    await bench.give('given', Infinity);
    await waiting;
  });

  it('lets one that waits go when its signal aborts, and the others wait on', async () => {
    const controller = new AbortController();
    const gone = assert.rejects(bench.token(controller.signal), { message: 'gone' });
    const staying = bench.token();
    controller.abort(new Error('gone'));
    await gone;
    await assert.rejects(bench.token(controller.signal), { message: 'gone' });
    await bench.give('a');
    assert.equal(await staying, 'a');
  });

  it('ends the login that runs when it is closed', async () => {
    const waiting = bench.token();
    assert.equal(bench.logins[0]?.signal?.aborted, false);
    bench.session.close();
    assert.equal(bench.logins[0]?.signal?.aborted, true);
    await bench.give('a');
    await waiting;
  });

  describe('with a real Keystone and tempauth', () => {
    let bed: SwiftBed;
    let logins: number;
    let skip: number;

    before(async function () {
      bed = await swiftBed(this);
    });

    const open = (account: OpenStackAccount): SwiftSession => {
      [logins, skip] = [0, 0];
      return new SwiftSession({
        account,
        clock: { now: () => Date.now() + skip, every: () => () => undefined },
        timeout: 10_000,
        login: async (...parts) => {
          logins++;
          return realLogin(...parts);
        },
      });
    };

    it('logs in once for 20 requests, and again once for 20 refusals', async () => {
      const session = open(bed.keystone.password);
      const tokens = async () =>
        new Set(
          (await Promise.all(Array.from({ length: 20 }, async () => session.access()))).map((a) => a.token),
        );
      const [first = '', ...more] = await tokens();
      assert.deepEqual(more, []);
      assert.equal(logins, 1);
      for (let refusal = 0; refusal < 20; refusal++) session.refuse(first);
      const renewed = await tokens();
      assert.equal(renewed.size, 1);
      assert.ok(!renewed.has(first));
      assert.equal(logins, 2);
    });

    it('renews early with a new token of Keystone', async () => {
      const session = open(bed.keystone.applicationCredential);
      const { token } = await session.access();
      skip = 56 * MINUTE;
      assert.equal((await session.access()).token, token);
      while ((await session.access()).token === token)
        await new Promise((resolve) => setTimeout(resolve, 10));
      assert.equal(logins, 2);
    });

    it('does not loop where tempauth gives the refused token again', async () => {
      const session = open(bed.v1);
      const { token } = await session.access();
      for (let refusal = 0; refusal < 10; refusal++) {
        session.refuse(token);
        assert.equal((await session.access()).token, token);
      }
      assert.equal(logins, 2);
    });
  });
});
