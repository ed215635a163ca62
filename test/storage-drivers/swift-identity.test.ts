import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { inspect } from 'node:util';
import type { OpenStackAccount, OpenStackCredentials } from '../../src/domain/openstack-credentials.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import { login, type Login } from '../../storage-drivers/swift/identity.js';
import { swiftBed, type SwiftBed } from '../support/swift-bed.js';
import { swiftRequest } from '../support/swift-client.js';
import { temporaryDirectory } from '../support/temporary.js';
import { runTool } from '../support/tool.js';
import { keystoneToken, playIdentity, type IdentityService, type PlayedAnswer } from './identity-service.js';

const NOW = 1_000_000;
const SECRET = 'hush-hush-hush';
const DOMAIN = { name: 'Default' };
const URL_1 = 'http://swift.one/v1/A';

const SCOPE = { project: { name: 'p', domain: { id: 'pd' } } };
const PASSWORD: OpenStackCredentials = {
  kind: 'password',
  user: { name: 'u', domain: { id: 'ud' } },
  password: SECRET,
  scope: SCOPE,
};

const open = async (account: OpenStackAccount, timeout = 5000): Promise<Login> =>
  login(account, { timeout, now: NOW });

/** The one line that a login ends with; it and all that hangs on the error are free of secrets. */
async function failure(account: OpenStackAccount, timeout = 5000): Promise<string> {
  try {
    await open(account, timeout);
  } catch (error) {
    assert.ok(error instanceof StorageError, inspect(error));
    assert.equal(error.code, 'UNAVAILABLE');
    assert.ok(!error.message.includes('\n'), error.message);
    const { password = '', secret = '', token = '', key = '' } = account.credentials as Partial<Secrets>;
    for (const hidden of [SECRET, password, secret, token, key].filter((text) => text !== '')) {
      assert.ok(
        !inspect(error, { depth: 9, showHidden: true }).includes(hidden),
        inspect(error, { depth: 9 }),
      );
    }
    return error.message;
  }
  return assert.fail('the login succeeded');
}

type Secrets = Record<'password' | 'secret' | 'token' | 'key', string>;

describe('swift/identity', () => {
  describe('with a played identity service', () => {
    const services: IdentityService[] = [];
    const play = async (...parts: Parameters<typeof playIdentity>): Promise<IdentityService> => {
      const service = await playIdentity(...parts);
      services.push(service);
      return service;
    };
    const one = keystoneToken([{ interface: 'public', region: 'One', url: URL_1 }]);
    const several = keystoneToken([
      { interface: 'admin', region: 'One', url: 'http://swift.one/v1' },
      { interface: 'public', region: 'Two', url: 'http://swift.two/v1/A' },
      { interface: 'internal', region: 'One', url: 'http://swift.internal/v1/A' },
      { interface: 'public', region: 'One', url: URL_1 },
    ]);
    const account = (
      service: IdentityService,
      credentials: OpenStackCredentials = PASSWORD,
      more: Partial<OpenStackAccount> = {},
    ): OpenStackAccount => ({ authUrl: `${service.url}/v3`, interface: 'public', credentials, ...more });

    afterEach(async () => {
      await Promise.all(services.splice(0).map(async (service) => service.close()));
    });

    const payloads: [what: string, credentials: OpenStackCredentials, identity: object, scope?: object][] = [
      [
        'a password, domains by id',
        PASSWORD,
        { methods: ['password'], password: { user: { name: 'u', domain: { id: 'ud' }, password: SECRET } } },
        { project: { name: 'p', domain: { id: 'pd' } } },
      ],
      [
        'a password, ids alone',
        { ...PASSWORD, user: { id: 'uid' }, scope: { project: { id: 'pid' } } },
        { methods: ['password'], password: { user: { id: 'uid', password: SECRET } } },
        { project: { id: 'pid' } },
      ],
      [
        'a trust',
        { ...PASSWORD, user: { name: 'u', domain: DOMAIN }, scope: { trust: 't' } },
        { methods: ['password'], password: { user: { name: 'u', domain: DOMAIN, password: SECRET } } },
        { 'OS-TRUST:trust': { id: 't' } },
      ],
      [
        'an application credential by id',
        { kind: 'application-credential', credential: { id: 'c' }, secret: SECRET },
        { methods: ['application_credential'], application_credential: { id: 'c', secret: SECRET } },
      ],
      [
        'an application credential by name',
        {
          kind: 'application-credential',
          credential: { name: 'c', user: { name: 'u', domain: DOMAIN } },
          secret: SECRET,
        },
        {
          methods: ['application_credential'],
          application_credential: { name: 'c', user: { name: 'u', domain: DOMAIN }, secret: SECRET },
        },
      ],
      [
        'a token',
        { kind: 'token', token: SECRET, scope: SCOPE },
        { methods: ['token'], token: { id: SECRET } },
        SCOPE,
      ],
    ];
    for (const [what, credentials, identity, scope] of payloads) {
      it(`logs in by ${what}`, async () => {
        const service = await play(one);
        const opened = await open(account(service, credentials));
        assert.deepEqual(opened, { token: 'token-1', storageUrl: URL_1, expiresAt: NOW + 3_599_000 });
        const [seen, ...more] = service.seen;
        assert.deepEqual(more, []);
        assert.equal(`${seen?.method} ${seen?.url}`, 'POST /v3/auth/tokens');
        const auth = scope === undefined ? { identity } : { identity, scope };
        assert.deepEqual(JSON.parse(seen?.body ?? ''), { auth });
      });
    }

    it('finds Keystone however its URL ends', async () => {
      const service = await play(one);
      for (const end of ['', '/', '/v3', '/v3/', '/identity', '/identity/v3/']) {
        await open({ ...account(service), authUrl: service.url + end });
      }
      const plain = '/v3/auth/tokens';
      const below = `/identity${plain}`;
      assert.deepEqual(
        service.seen.map(({ url }) => url),
        [plain, plain, plain, plain, below, below],
      );
    });

    it('logs in to v1 without a body, however its URL ends, and honours X-Auth-Token-Expires', async () => {
      const headers = { 'x-auth-token': 'AUTH_tk', 'x-storage-url': URL_1, 'x-auth-token-expires': '77' };
      const service = await play({ headers });
      const v1 = { kind: 'v1', user: 'test:tester', key: SECRET } as const;
      for (const end of ['/auth/v1.0', '/auth/v1.0/', '/auth/1.0', '']) {
        const opened = await open({ ...account(service, v1), authUrl: service.url + end });
        assert.deepEqual(opened, { token: 'AUTH_tk', storageUrl: URL_1, expiresAt: NOW + 76_000 });
        const seen = service.seen.at(-1);
        assert.deepEqual([seen?.method, seen?.url, seen?.body], ['GET', '/auth/v1.0', '']);
        assert.deepEqual([seen?.headers['x-auth-user'], seen?.headers['x-auth-key']], [v1.user, v1.key]);
      }
      service.answer = { headers: { 'x-auth-token': 'AUTH_tk', 'x-storage-url': URL_1 } };
      assert.equal((await open(account(service, v1))).expiresAt, NOW + 3_599_000);
    });

    it('chooses the endpoint by region and interface, also where services have no names', async () => {
      const service = await play(several);
      const urlOf = async (more: Partial<OpenStackAccount>) =>
        (await open(account(service, PASSWORD, more))).storageUrl;
      assert.equal(await urlOf({ region: 'One' }), URL_1);
      assert.equal(await urlOf({ region: 'Two' }), 'http://swift.two/v1/A');
      assert.equal(await urlOf({ region: 'One', interface: 'internal' }), 'http://swift.internal/v1/A');
      assert.equal(await urlOf({ region: 'One', interface: 'admin' }), 'http://swift.one/v1');
      assert.equal(await urlOf({ storageUrl: 'http://other/v1/B' }), 'http://other/v1/B');
    });

    it('uses a token without scope as it is', async () => {
      const service = await play(one);
      const credentials = { kind: 'token', token: 'given' } as const;
      const opened = await open(account(service, credentials, { storageUrl: URL_1 }));
      assert.deepEqual(opened, { token: 'given', storageUrl: URL_1, expiresAt: Infinity });
      assert.deepEqual(service.seen, []);
    });

    it('goes past a proxy of the environment', async () => {
      const service = await play(one);
      const names = ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY'] as const;
      const before = names.map((name) => [name, process.env[name]] as const);
      for (const name of names) process.env[name] = 'http://127.0.0.1:1';
      try {
        assert.equal((await open(account(service))).token, 'token-1');
      } finally {
        for (const [name, value] of before) {
          if (value === undefined) delete process.env[name];
          else process.env[name] = value;
        }
      }
    });

    const v1: OpenStackCredentials = { kind: 'v1', user: 'test:tester', key: SECRET };
    const appCredential: OpenStackCredentials = {
      kind: 'application-credential',
      credential: { id: 'c' },
      secret: SECRET,
    };
    const unscoped = { status: 201, headers: { 'x-subject-token': SECRET }, body: { token: {} } };
    const noStore = { ...unscoped, body: { token: { catalog: [{ type: 'image', endpoints: [] }] } } };
    const keystoneError = { error: { code: 404, message: SECRET } };
    const answers: [
      what: string,
      answer: PlayedAnswer,
      credentials: OpenStackCredentials,
      more: Partial<OpenStackAccount>,
      message: RegExp,
    ][] = [
      [
        'a wrong password',
        { status: 401 },
        PASSWORD,
        {},
        /as user u: user, password.* \(HTTP 401\); correct/,
      ],
      [
        'a wrong secret',
        { status: 401 },
        appCredential,
        {},
        /as application credential c: its secret is wrong/,
      ],
      [
        'an unknown application credential',
        { status: 404, body: keystoneError },
        appCredential,
        {},
        /as application credential c: there is no such application credential \(HTTP 404\); create/,
      ],
      [
        'a wrong path',
        { status: 404 },
        PASSWORD,
        {},
        /no identity service \(HTTP 404\); correct storage\.swift\.authUrl/,
      ],
      [
        'a wrong key',
        { status: 401 },
        v1,
        {},
        /as user test:tester: user or key is wrong \(HTTP 401\); correct/,
      ],
      ['a v1 path', { status: 404 }, v1, {}, /correct storage\.swift\.v1\.authUrl/],
      [
        'an old token',
        { status: 401 },
        { kind: 'token', token: SECRET, scope: SCOPE },
        {},
        /the token is unknown or has expired, and cannot be renewed \(HTTP 401\); set a new storage\.swift\.token/,
      ],
      [
        'an unscoped token',
        unscoped,
        PASSWORD,
        {},
        /no service catalog, so it is not scoped to a project; give/,
      ],
      ['no object-store', noStore, PASSWORD, {}, /the service catalog has no object-store; .*storageUrl/],
      [
        'a wrong region',
        several,
        PASSWORD,
        { region: 'X' },
        /not in the region X; set storage\.swift\.region to One or Two/,
      ],
      ['no region', several, PASSWORD, {}, /in 2 regions; set storage\.swift\.region to One or Two/],
      [
        'a wrong interface',
        several,
        PASSWORD,
        { region: 'Two', interface: 'internal' },
        /no internal endpoint; set storage\.swift\.interface to public/,
      ],
      ['an outage', { status: 503 }, PASSWORD, {}, /it is out of order \(HTTP 503\); it is asked again/],
      ['a proxy that fails', { status: 502, body: '<html>' }, PASSWORD, {}, /out of order \(HTTP 502\)/],
      ['a v1 outage', { status: 504 }, v1, {}, /out of order \(HTTP 504\)/],
      [
        'a redirect',
        { status: 301, headers: { location: 'http://127.0.0.1:1/' } },
        v1,
        {},
        /it redirects \(HTTP 301\)/,
      ],
      [
        'another service',
        { status: 200, body: '<html>' },
        PASSWORD,
        {},
        /not understood \(HTTP 200\); check/,
      ],
      [
        'v1 without a URL',
        { headers: { 'x-auth-token': SECRET } },
        v1,
        {},
        /no X-Storage-Url; set storage\.swift\.storageUrl/,
      ],
    ];
    for (const [what, answer, credentials, more, message] of answers) {
      it(`tells of ${what} in one line without secrets`, async () => {
        const service = await play(answer);
        const authUrl = service.url.replace('//', `//admin:${SECRET}@`);
        const line = await failure(account(service, credentials, { ...more, authUrl }));
        assert.match(line, message);
        assert.ok(line.startsWith(`cannot log in to ${service.url} as `), line);
        assert.equal(service.seen.length, 1);
      });
    }

    it('tells of a dead identity service and of an unknown host', async () => {
      const service = await play(one);
      await service.close();
      assert.match(
        await failure(account(service)),
        /the connection is refused \(.*ECONNREFUSED.*\); check the URL/,
      );
      const authUrl = 'http://keystone.invalid:5000/v3';
      assert.match(await failure({ ...account(service), authUrl }), /the host name is not known \(/);
    });

    it('gives up on one that hangs, and lets go of the connection', async () => {
      const service = await play('hang');
      assert.match(await failure(account(service), 50), /no answer \(timeout of 50 ms\); check the URL/);
      for (const seen of [1, 2]) {
        const controller = new AbortController();
        const waiting = login(account(service), { timeout: 60_000, now: NOW, signal: controller.signal });
        const ended = assert.rejects(waiting, { message: 'enough' });
        if (seen === 2) while (service.seen.length < seen) await setImmediate();
        controller.abort(new Error('enough'));
        await ended;
      }
      while (service.connections() > 0) await setImmediate();
    });

    it('trusts the authority it is given and no other', async () => {
      const directory = await temporaryDirectory('ca');
      try {
        const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(directory.path, name));
        const subject = ['-subj', '/CN=keystone', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
        const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
        await runTool('openssl', ['req', '-x509', ...ec, '-keyout', `${key}`, '-out', `${cert}`, ...subject]);
        const tls = { key: await readFile(`${key}`, 'utf8'), cert: await readFile(`${cert}`, 'utf8') };
        const service = await play(one, tls);
        assert.match(
          await failure(account(service)),
          /certificate is not trusted .*; set storage\.swift\.caFile/,
        );
        assert.equal((await open(account(service, PASSWORD, { ca: tls.cert }))).token, 'token-1');
      } finally {
        await directory.remove();
      }
    });
  });

  describe('with a real Keystone and tempauth', () => {
    let bed: SwiftBed;

    before(async function () {
      bed = await swiftBed(this);
    });

    const works = async (account: OpenStackAccount): Promise<Login> => {
      const opened = await open(account);
      const { status } = await swiftRequest('HEAD', opened.storageUrl, { 'x-auth-token': opened.token });
      assert.equal(status, 204);
      return opened;
    };

    for (const way of [
      'password',
      'applicationCredential',
      'applicationCredentialByName',
      'trust',
    ] as const) {
      it(`logs in by ${way}`, async () => {
        const { storageUrl, expiresAt } = await works(bed.keystone[way]);
        assert.match(storageUrl, new RegExp(`/v1/KEY_${bed.keystone.projectId}$`));
        assert.ok(expiresAt > NOW + 60_000 && expiresAt < Infinity, `${expiresAt}`);
      });
    }

    it('logs in by v1, and honours how long its token lives', async () => {
      assert.ok((await works(bed.v1)).expiresAt > NOW + 60_000);
      assert.ok((await works(bed.limits)).expiresAt <= NOW + 3000);
    });

    it('exchanges a token for one of the project', async () => {
      const { token } = await open(bed.keystone.password);
      const scope = { project: { id: bed.keystone.projectId } };
      const renewed = await works({ ...bed.keystone.password, credentials: { kind: 'token', token, scope } });
      assert.notEqual(renewed.token, token);
    });

    it('tells what is wrong', async () => {
      const { password, applicationCredential } = bed.keystone;
      const wrong = { ...password.credentials, password: SECRET } as OpenStackCredentials;
      assert.match(await failure({ ...password, credentials: wrong }), /HTTP 401/);
      const unknown = {
        ...applicationCredential.credentials,
        credential: { id: 'f00' },
      } as OpenStackCredentials;
      assert.match(
        await failure({ ...applicationCredential, credentials: unknown }),
        /no such application credential/,
      );
      const scope = { project: { id: bed.keystone.projectId } };
      const stale = { kind: 'token', token: SECRET, scope } as const;
      assert.match(await failure({ ...password, credentials: stale }), /the token is unknown or has expired/);
      assert.match(
        await failure({ ...password, region: 'Nowhere' }),
        /set storage\.swift\.region to RegionOne/,
      );
      assert.match(
        await failure({ ...bed.v1, credentials: { kind: 'v1', user: 'a:b', key: SECRET } }),
        /HTTP 401/,
      );
      const unscoped = { ...password.credentials, scope: undefined } as unknown as OpenStackCredentials;
      assert.match(await failure({ ...password, credentials: unscoped }), /not scoped to a project/);
    });
  });
});
