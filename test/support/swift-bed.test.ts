import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { OpenStackAccount } from '../../src/domain/openstack-credentials.js';
import { swiftBed, type KeystoneAccounts, type SwiftBed } from './swift-bed.js';
import { swiftLogin, swiftRequest, type SwiftAnswer } from './swift-client.js';

describe('the Swift of the tests', () => {
  let bed: SwiftBed;

  before(async function () {
    bed = await swiftBed(this);
  });

  const roundTrip = async (account: OpenStackAccount) => {
    const { storageUrl, token } = await swiftLogin(account);
    const container = `${storageUrl}/bed-${randomUUID()}`;
    const call = async (method: string, path: string, body?: Buffer) =>
      swiftRequest(method, container + path, { 'x-auth-token': token }, body);
    assert.equal((await call('PUT', '')).status, 201);
    assert.equal((await call('PUT', '/a%2Fb//c', Buffer.from('bytes'))).status, 201);
    const read = await call('GET', '/a%2Fb//c');
    assert.equal(read.status, 200);
    assert.equal(read.body.toString(), 'bytes');
    assert.equal((await call('DELETE', '/a%2Fb//c')).status, 204);
    assert.equal((await call('DELETE', '')).status, 204);
  };

  it('stores what the v1 account puts', async () => roundTrip(bed.v1));

  for (const way of [
    'password',
    'applicationCredential',
    'applicationCredentialByName',
    'trust',
    'other',
  ] as const satisfies readonly (keyof KeystoneAccounts)[]) {
    it(`stores what Keystone's account puts, logged in by ${way}`, async () => roundTrip(bed.keystone[way]));
  }

  it('takes a token in exchange for a token', async () => {
    const { token } = await swiftLogin(bed.keystone.password);
    const scope = { project: { id: bed.keystone.projectId } };
    const credentials = { kind: 'token', token, scope } as const;
    await roundTrip({ ...bed.keystone.password, credentials });
  });

  it('has Keystone offer one project by every way, and another to another user', async () => {
    const url = async (account: OpenStackAccount) => (await swiftLogin(account)).storageUrl;
    const own = await url(bed.keystone.password);
    assert.ok(own.endsWith(`/v1/KEY_${bed.keystone.projectId}`), own);
    assert.equal(await url(bed.keystone.trust), own);
    assert.equal(await url(bed.keystone.applicationCredential), own);
    assert.notEqual(await url(bed.keystone.other), own);
  });

  it('refuses the reader, and one project to the operator of another', async () => {
    const { storageUrl } = await swiftLogin(bed.keystone.password);
    for (const account of [bed.keystone.reader, bed.keystone.other]) {
      const { token } = await swiftLogin(account);
      assert.equal((await swiftRequest('GET', storageUrl, { 'x-auth-token': token })).status, 403);
    }
  });

  it('believes no identity that the caller claims', async () => {
    const claims = {
      'x-identity-status': 'Confirmed',
      'x-roles': 'admin,ResellerAdmin',
      'x-project-id': bed.keystone.projectId,
      'x-tenant-id': bed.keystone.projectId,
      'x-user-id': bed.keystone.projectId,
    };
    for (const account of [bed.v1, bed.keystone.password]) {
      const { storageUrl } = await swiftLogin(account);
      assert.equal((await swiftRequest('GET', storageUrl, claims)).status, 401, storageUrl);
    }
  });

  it('names a second region where nobody answers', async () => {
    const { storageUrl } = await swiftLogin({ ...bed.keystone.password, region: 'RegionTwo' });
    await assert.rejects(swiftRequest('GET', storageUrl), { code: 'ECONNREFUSED' });
  });

  it('has a proxy with limits, over the same objects', async () => {
    const { storageUrl } = await swiftLogin(bed.limits);
    const info = await swiftRequest('GET', new URL('/info', storageUrl).href);
    const { swift, slo } = JSON.parse(info.body.toString()) as Record<string, Record<string, number>>;
    assert.equal(swift?.['max_file_size'], 4 * 1024 * 1024);
    assert.equal(swift?.['container_listing_limit'], 10);
    assert.equal(slo?.['max_manifest_segments'], 5);

    const container = `/bed-${randomUUID()}`;
    await bed.request('PUT', container);
    for (let n = 0; n < 12; n++) await bed.request('PUT', `${container}/${n}`, {}, Buffer.from('x'));
    const limited = async (method: string, path: string, body?: Buffer): Promise<SwiftAnswer> => {
      const { token } = await swiftLogin(bed.limits);
      const url = storageUrl + container + path;
      const answer = await swiftRequest(method, url, { 'x-auth-token': token }, body);
      // A login gets the token that there is, which may be in its last moment.
      return answer.status === 401 ? limited(method, path, body) : answer;
    };
    const listed = await limited('GET', '');
    assert.equal(listed.body.toString().trim().split('\n').length, 10);
    assert.equal((await limited('GET', '?limit=11')).status, 412);
    // It answers 413 before the body is sent, so that sending the rest may fail first.
    const large = limited('PUT', '/large', Buffer.alloc(4 * 1024 * 1024 + 1)).then(
      ({ status }) => status,
      ({ code }: NodeJS.ErrnoException) => code,
    );
    assert.ok([413, 'EPIPE', 'ECONNRESET'].includes((await large) ?? ''), String(await large));
    assert.equal((await limited('HEAD', '/large')).status, 404);
    for (let n = 0; n < 12; n++) await bed.request('DELETE', `${container}/${n}`);
    assert.equal((await bed.request('DELETE', container)).status, 204);
  });

  it('lets a token of the proxy with limits expire within 3 s', async () => {
    const { storageUrl, token } = await swiftLogin(bed.limits);
    const login = performance.now();
    let status: number;
    do ({ status } = await swiftRequest('HEAD', storageUrl, { 'x-auth-token': token }));
    while (status !== 401 && performance.now() - login < 10_000);
    assert.equal(status, 401);
    assert.ok(performance.now() - login < 4000, `${performance.now() - login} ms`);
  });

  it('names its programs, and halts one of them with its workers', async () => {
    assert.ok((await bed.pid('keystone')) > 1);
    const container = `/bed-${randomUUID()}`;
    await bed.request('PUT', container);
    await bed.signal('object-server', 'SIGSTOP');
    try {
      const put = bed.request('PUT', `${container}/o`, {}, Buffer.from('x'));
      const late = new Promise((resolve) => setTimeout(resolve, 1000, 'late'));
      assert.equal(await Promise.race([put, late]), 'late');
      await bed.signal('object-server', 'SIGCONT');
      assert.equal((await put).status, 201);
    } finally {
      await bed.signal('object-server', 'SIGCONT');
    }
    await bed.request('DELETE', `${container}/o`);
    assert.equal((await bed.request('DELETE', container)).status, 204);
  });
});
