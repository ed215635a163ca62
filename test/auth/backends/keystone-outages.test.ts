import assert from 'node:assert/strict';
import { RegistryError } from '../../../src/errors/registry-error.js';
import { BackendOutage } from '../../../src/ports/auth.js';
import type { FaultProxy } from '../../support/fault-proxy/fault-proxy.js';
import { status, timeout } from '../../support/fault-proxy/faults.js';
import { swiftBed } from '../../support/swift-bed.js';
import { bench, closeWorld, makeWorld } from './keystone-world.js';
import type { World } from './keystone-world.js';
import { loginsOf } from './parts.js';

describe('auth/keystone: outages', function () {
  this.timeout(60_000);
  let world: World;

  before(async function () {
    world = await makeWorld(await swiftBed(this));
  });

  beforeEach(() => world.proxy.reset());
  afterEach(() => world.proxy.heal());

  after(async () => {
    await closeWorld(world);
  });

  const outages: readonly (readonly [string, (proxy: FaultProxy) => unknown])[] = [
    ['is gone', (proxy) => proxy.down()],
    ['hangs', (proxy) => proxy.inject({ fault: timeout() })],
    ['hangs after the login', (proxy) => proxy.inject({ match: { path: /projects$/ }, fault: timeout() })],
    ['fails', (proxy) => proxy.inject({ fault: status(503) })],
    [
      'fails for one project',
      (proxy) => [4, 7].map((nth) => proxy.inject({ match: { nth }, times: 1, fault: status(500) })),
    ],
    ['is too busy', (proxy) => proxy.inject({ fault: status(429) })],
    ['is another service', (proxy) => proxy.inject({ fault: status(200) })],
    ['is elsewhere', (proxy) => proxy.inject({ fault: status(404) })],
    ['answers no JSON', (proxy) => proxy.inject({ fault: status(201, { body: '{"token":' }) })],
  ];
  for (const [what, happen] of outages) {
    it(`cannot decide while Keystone ${what}`, async () => {
      const { user, proxy } = world;
      const { backend, clock } = bench(world, {}, { timeout: 2000 });
      const credentials = { username: user.name, secret: user.password };
      await happen(proxy);
      const began = performance.now();
      const logins = loginsOf(clock, backend);
      const error = await logins.login(credentials, '192.0.2.1').catch((thrown: unknown) => thrown);
      assert.ok(performance.now() - began < 5000);
      assert.ok(error instanceof RegistryError);
      assert.deepEqual([error.code, error.headers['Retry-After']], ['UNAVAILABLE', '5']);
      assert.equal(error.message, 'the identity service does not answer; try again');
      assert.doesNotMatch(JSON.stringify([String(error), error.cause]), new RegExp(user.password));
      await assert.rejects(backend.authenticate(credentials), BackendOutage);
      await proxy.heal();
      assert.notEqual(await backend.authenticate(credentials), undefined);
    });
  }

  it('reports a wrong path of the URL as an outage, not as a wrong password', async () => {
    const { user, proxy } = world;
    const { login } = bench(world, {}, { url: `${proxy.origin}/identity` });
    await assert.rejects(login(user.name, user.password), BackendOutage);
  });
});
