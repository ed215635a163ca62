import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock, systemIds } from '../../src/composition/system.js';
import type { OpenStackAccount } from '../../src/domain/openstack-credentials.js';
import type { Finding } from '../../src/ports/finding.js';
import { examineSwift } from '../../storage-drivers/swift/swift-doctor.js';
import type { SwiftExamination } from '../../storage-drivers/swift/swift-doctor-facts.js';
import { rewrite, status, timeout } from '../support/fault-proxy/faults.js';
import { swiftLogin, swiftRequest, type SwiftAnswer } from '../support/swift-client.js';
import { SHORT_TIMES, swiftBench, type SwiftBench } from '../support/swift-store.js';

const MIB = 1024 * 1024;

interface Examined {
  readonly usable: boolean;
  readonly findings: readonly Finding[];
  /** `level: found → fix` of each finding of the check, joined by newlines. */
  readonly of: (check: string) => string;
  readonly errors: readonly string[];
}

describe('the doctor of Swift', function () {
  this.timeout(60_000);
  let bench: SwiftBench;
  let container: string;

  before(async function () {
    bench = await swiftBench(this);
  });
  after(() => bench?.stop());

  beforeEach(() => (container = `doctor-${systemIds.unique()}`));
  afterEach(async () => {
    await bench.proxy.heal();
    for (const account of [bench.bed.v1, bench.bed.keystone.password]) await remove(account);
  });

  async function remove(account: OpenStackAccount): Promise<void> {
    for (const name of await namesIn(account)) await request(account, 'DELETE', `/${encodeURI(name)}`);
    await request(account, 'DELETE');
  }

  async function request(
    account: OpenStackAccount,
    method: string,
    path = '',
    headers: Readonly<Record<string, string>> = {},
    body?: Uint8Array,
  ): Promise<SwiftAnswer> {
    const { storageUrl, token } = await swiftLogin(account);
    return swiftRequest(
      method,
      `${storageUrl}/${container}${path}`,
      { 'x-auth-token': token, ...headers },
      body,
    );
  }

  async function namesIn(account: OpenStackAccount): Promise<string[]> {
    const { status: answered, body } = await request(account, 'GET');
    return answered === 200 ? body.toString().split('\n').filter(Boolean) : [];
  }

  const make = (headers: Readonly<Record<string, string>> = {}): Promise<SwiftAnswer> =>
    request(bench.bed.v1, 'PUT', '', headers);

  async function examined(
    account: OpenStackAccount = bench.account,
    options: Partial<SwiftExamination> = {},
  ): Promise<Examined> {
    const findings: Finding[] = [];
    const examination = examineSwift({
      account,
      container,
      prefix: '',
      clock: systemClock,
      ids: systemIds,
      times: SHORT_TIMES,
      segmentBytes: 32 * MIB,
      redirects: false,
      createTempUrlKey: options.redirects ?? false,
      ...options,
    });
    let next = await examination.next();
    for (; next.done !== true; next = await examination.next()) findings.push(next.value);
    assertNoSecret(account, findings);
    const told = ({ level, found, fix }: Finding): string => `${level}: ${found} → ${fix ?? ''}`;
    return {
      usable: next.value,
      findings,
      of: (check) =>
        findings
          .filter((finding) => finding.check === check)
          .map(told)
          .join('\n'),
      errors: findings.filter(({ level }) => level === 'error').map(({ check }) => check),
    };
  }

  function assertNoSecret({ credentials }: OpenStackAccount, findings: readonly Finding[]): void {
    const text = JSON.stringify(findings);
    const secrets = Object.entries(credentials)
      .filter(([name]) => ['key', 'password', 'secret', 'token'].includes(name))
      .map(([, value]) => String(value));
    assert.ok(secrets.length > 0);
    for (const secret of secrets) assert.ok(!text.includes(secret), text);
    assert.doesNotMatch(text, /AUTH_tk|gAAAA|temp_url_sig/);
    for (const { found, fix = '' } of findings) assert.doesNotMatch(found + fix, /\n/);
  }

  async function closedPort(): Promise<string> {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    return `http://127.0.0.1:${port}`;
  }

  it('finds nothing wrong where nothing is, and leaves nothing behind', async () => {
    await make();
    const { findings, usable, of } = await examined();
    assert.deepEqual(
      findings.filter(({ level }) => level !== 'ok'),
      [],
    );
    assert.equal(usable, true);
    assert.match(of('login'), /accepts user test:tester/);
    assert.match(of('info'), /Swift 2\.\d+.*objects up to 5 GiB, 10000 names a listing, 1000 segments/);
    assert.match(of('container'), /: 0 objects, 0 B, storage policy Policy-0/);
    assert.match(of('large objects'), /read across their boundary and removed/);
    assert.deepEqual(await namesIn(bench.bed.v1), []);
    const { headers } = await request(bench.bed.v1, 'HEAD');
    assert.equal(headers['x-container-meta-temp-url-key'], undefined);
  });

  it('tells roles, project and endpoints of a Keystone user, whichever way it logs in', async () => {
    const { password, applicationCredential, projectId } = bench.bed.keystone;
    await request(password, 'PUT');
    for (const account of [password, applicationCredential]) {
      const { errors, of } = await examined(account);
      assert.deepEqual(errors, []);
      assert.match(
        of('token'),
        new RegExp(`swiftoperator in project registry \\(${projectId}\\); good until 2`),
      );
      assert.match(of('catalog'), /public of RegionOne: http.*object-store is in RegionOne \(.*public\)/);
    }
  });

  it('does not make a container that is missing', async () => {
    const { usable, errors, of } = await examined();
    assert.deepEqual([usable, errors], [false, []]);
    assert.match(
      of('container'),
      new RegExp(`warning: there is no container ${container}: the first start makes`),
    );
    assert.equal(of('large objects'), 'warning: not checked: there is no container yet → ');
    assert.equal((await request(bench.bed.v1, 'HEAD')).status, 404);
  });

  it('tells of a storage policy that Swift does not have', async () => {
    const { of } = await examined(undefined, { storagePolicy: 'gold' });
    assert.match(of('container'), /error: Swift has no storage policy gold → .*one of Policy-0/);
    await make();
    const made = await examined(undefined, { storagePolicy: 'gold' });
    assert.match(made.of('container'), /warning: .* has the storage policy Policy-0, not gold/);
  });

  describe('the way to Swift', () => {
    it('a wrong password: names the user and what to correct', async () => {
      const { password: account } = bench.bed.keystone;
      assert.ok(account.credentials.kind === 'password');
      const credentials = { ...account.credentials, password: 'a-wrong-password' };
      const { errors, of } = await examined({ ...account, credentials });
      assert.deepEqual(errors, ['login']);
      assert.match(
        of('login'),
        /as user registry: .*password.* wrong.*401\) → correct them in storage\.swift/,
      );
      assert.equal(of('catalog'), 'warning: not checked: the login failed → ');
    });

    it('a Keystone that is dead, one that hangs, and one that knows no name', async () => {
      const { password: account } = bench.bed.keystone;
      const dead = await examined({ ...account, authUrl: `${await closedPort()}/v3` });
      assert.deepEqual(dead.errors, ['login']);
      assert.match(
        dead.of('login'),
        /the connection is refused .* → check the URL and that the identity service runs/,
      );
      bench.proxy.inject({ fault: timeout() });
      const began = Date.now();
      const hung = await examined();
      assert.match(hung.of('login'), /no answer \(timeout of 2000 ms\) → check the URL/);
      assert.ok(Date.now() - began < 4000);
      const lost = await examined({ ...account, authUrl: 'http://keystone.invalid/v3' });
      assert.match(lost.of('login'), /the host name is not known .* → correct the URL/);
    });

    it('a region that the catalog does not have', async () => {
      const { errors, of } = await examined({ ...bench.bed.keystone.password, region: 'nowhere' });
      assert.deepEqual(errors, ['catalog']);
      assert.match(of('login'), /^ok/);
      assert.match(of('catalog'), /not in the region nowhere → set storage\.swift\.region to RegionOne/);
      assert.equal(of('storage'), 'warning: not checked: no storage URL is known → ');
    });

    it('a Swift that is dead', async () => {
      const storageUrl = `${await closedPort()}/v1/KEY_x`;
      const began = Date.now();
      const { errors, of } = await examined({ ...bench.bed.keystone.password, storageUrl });
      assert.deepEqual(errors, ['storage']);
      assert.match(of('storage'), /did not answer HEAD .*ECONNREFUSED.* → check that Swift runs/);
      assert.match(of('info'), /not checked: Swift was not reached/);
      assert.ok(Date.now() - began < 8000);
    });

    it('a token that ends on the way is renewed', async () => {
      await make();
      bench.proxy.reset();
      const ended = bench.proxy.inject({ match: { method: 'HEAD' }, times: 1, fault: status(401) });
      assert.deepEqual((await examined()).errors, []);
      assert.deepEqual([ended.hits, bench.proxy.count({ path: /^\/auth\// })], [1, 2]);
      bench.proxy.inject({ match: { method: 'HEAD' }, fault: status(401) });
      const { errors, of } = await examined();
      assert.deepEqual(errors, ['storage']);
      assert.match(
        of('storage'),
        /401: it does not accept the token → check the credentials and that Swift trusts/,
      );
    });

    it('a user whose role Swift does not accept', async () => {
      const { errors, of } = await examined(bench.bed.keystone.reader);
      assert.deepEqual(errors, ['storage']);
      assert.match(of('token'), /roles reader in project registry/);
      assert.match(of('storage'), /403: .* → give it a role that Swift accepts, such as swiftoperator/);
      assert.match(of('clock'), /^ok/);
    });

    for (const [seconds, level, found] of [
      [-120, 'error', /ours is 1\d\d s behind Swift's: signed URLs/],
      [120, 'error', /ours is 1\d\d s ahead of Swift's: signed URLs/],
      [10, 'warning', /ours is \d+ s ahead of Swift's/],
    ] as const) {
      it(`a clock that is ${seconds} s off`, async () => {
        const clock = { ...systemClock, now: () => systemClock.now() + seconds * 1000 };
        const { of } = await examined(undefined, { clock });
        assert.match(of('clock'), new RegExp(`^${level}: ${found.source}.* → let NTP`));
      });
    }
  });

  describe('what Swift tells of itself', () => {
    it('segments larger than its objects', async () => {
      const { of } = await examined(bench.bed.limits);
      assert.match(of('info'), /^ok: .*objects up to 4 MiB, 10 names a listing, 5 segments/);
      assert.match(of('info'), /\nwarning: segments of 32 MiB do not fit: they are made of 3 MiB → lower/);
    });

    it('nothing, where it hides /info', async () => {
      bench.proxy.inject({ match: { path: /^\/info$/ }, fault: status(403) });
      await make();
      const { errors, of } = await examined();
      assert.deepEqual(errors, []);
      assert.match(of('info'), /^warning: \/info is hidden \(HTTP 403\).* → have expose_info set/);
    });

    it('that it has no large objects, no bulk delete', async () => {
      bench.proxy.inject({
        match: { path: /^\/info$/ },
        fault: rewrite((answer) => ({ ...answer, body: Buffer.from('{"swift":{"version":"1"}}') })),
      });
      const { errors, of } = await examined();
      assert.deepEqual(errors, ['info']);
      assert.match(
        of('info'),
        /\nerror: there are no static large objects → .*\nwarning: there is no bulk delete/,
      );
    });
  });

  describe('who may use the container', () => {
    it('everybody: its fix mends it', async () => {
      await make({ 'X-Container-Read': '.r:*,.rlistings' });
      const open = await examined();
      assert.equal(open.usable, false);
      assert.deepEqual(open.errors, ['read ACL']);
      assert.match(
        open.of('read ACL'),
        new RegExp(`may be read by \\.r:\\* .* → swift post --read-acl '' ${container}$`),
      );
      await request(bench.bed.v1, 'POST', '', { 'X-Container-Read': '' });
      const mended = await examined();
      assert.deepEqual([mended.usable, mended.errors], [true, []]);
    });

    it('another project', async () => {
      const { password: account, projectId } = bench.bed.keystone;
      await request(account, 'PUT', '', {
        'X-Container-Read': `${projectId}:*,another:*`,
        'X-Container-Write': 'another:*',
      });
      const { errors, usable, of } = await examined(account);
      assert.deepEqual([errors, usable], [['read ACL'], false]);
      assert.match(of('read ACL'), /may be read by another:\* /);
      assert.match(of('write ACL'), /^warning: .* written by another:\* .* → swift post --write-acl ''/);
    });
  });

  describe('quotas', () => {
    it('of a container: what is left, nearly full, full', async () => {
      await make({ 'X-Container-Meta-Quota-Bytes': '1000', 'X-Container-Meta-Quota-Count': '3' });
      await request(bench.bed.v1, 'PUT', '/a', {}, Buffer.alloc(950));
      const { of } = await examined();
      assert.match(
        of('container quota'),
        /^warning: 950 B of 1000 B are used, 50 B are left → raise it: .*Bytes/,
      );
      assert.match(of('container quota'), /\nok: 1 objects of 3 objects are used, 2 objects are left/);
      await request(bench.bed.v1, 'POST', '', { 'X-Container-Meta-Quota-Count': '1' });
      const full = await examined();
      assert.match(
        full.of('container quota'),
        /\nerror: 1 objects of 1 objects .*: Swift refuses what is pushed/,
      );
    });

    it('of the account', async () => {
      bench.proxy.inject({
        match: { method: 'HEAD', path: /^\/v1\/[^/]+$/ },
        fault: rewrite((answer) => ({
          ...answer,
          headers: ['X-Account-Bytes-Used', '2048', 'X-Account-Meta-Quota-Bytes', '2100'],
        })),
      });
      const { of } = await examined();
      assert.match(
        of('account quota'),
        /^warning: 2 KiB of 2\.1 KiB are used, 52 B are left → have the .* operator/,
      );
    });

    it('that a user may not see', async () => {
      bench.proxy.inject({ match: { method: 'HEAD', path: /^\/v1\/[^/]+$/ }, fault: status(403) });
      assert.match((await examined()).of('account quota'), /^ok: not told to this user/);
    });
  });

  describe('signed URLs', () => {
    it('no key: the server is to set one, the doctor does not', async () => {
      await make();
      const { of } = await examined(undefined, { redirects: true });
      assert.match(
        of('redirects'),
        /^warning: neither .* has a Temp-URL-Key: .* → .*swift post -m "Temp-URL-Key/,
      );
      const { headers } = await request(bench.bed.v1, 'HEAD');
      assert.equal(headers['x-container-meta-temp-url-key'], undefined);
    });

    it('a key that works, and one that does not', async () => {
      await make({ 'X-Container-Meta-Temp-URL-Key': 'the-key-of-this-test' });
      const { findings, of } = await examined(undefined, { redirects: true });
      assert.match(of('redirects'), /^ok: a signed URL was read; .* of the container, the digest sha256/);
      assert.doesNotMatch(JSON.stringify(findings), /the-key-of-this-test/);
      bench.proxy.inject({ match: { query: /temp_url_sig/ }, fault: status(401) });
      const refused = await examined(undefined, { redirects: true });
      assert.deepEqual(refused.errors, ['redirects']);
      assert.match(refused.of('redirects'), /signed URLs do not work, so blobs are proxied: .* answered 401/);
      assert.deepEqual(await namesIn(bench.bed.v1), []);
      const off = await examined();
      assert.match(off.of('redirects'), /^ok: off .* that of the container/);
    });
  });

  it('large objects that Swift does not put together as they were written', async () => {
    await make();
    bench.proxy.inject({ match: { method: 'GET', path: /stackyard\/v1\/doctor/ }, fault: status(409) });
    const { errors, of } = await examined();
    assert.deepEqual(errors, ['large objects']);
    assert.match(of('large objects'), /409/);
    assert.deepEqual(await namesIn(bench.bed.v1), []);
  });
});
