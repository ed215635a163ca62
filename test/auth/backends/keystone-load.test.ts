import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KeystoneClient } from '../../../src/auth/backends/keystone-client.js';
import { KeystoneRights } from '../../../src/auth/backends/keystone-rights.js';
import { KeystoneBackend } from '../../../src/auth/backends/keystone.js';
import { RememberedLogins } from '../../../src/auth/backends/remembered-logins.js';
import { RegistryError } from '../../../src/errors/registry-error.js';
import { StillClock, testIds } from './parts.js';

/** What no bed has: a user of very many projects, and a Keystone that is asked very much. */
describe('auth/keystone: under load', () => {
  it('counts fifty projects, by name, and says so', async () => {
    const service = await fakeKeystone(120);
    const warnings: string[] = [];
    const backend = backendAt(service.url, (message) => void warnings.push(message));
    const principal = await backend.authenticate({ username: 'syd', secret: 'x' });
    await service.close();
    assert.equal(principal?.implied.length, 50);
    assert.equal(principal.implied[0]?.repositories.text, 'p100/**');
    assert.equal(service.requests(), 52);
    assert.ok(service.atOnce() <= 8);
    assert.deepEqual(warnings, [
      'syd@Default has roles in 120 projects, of which the first 50 by name count; name those that matter in auth.keystone.projects',
    ]);
  });

  it('lets few logins wait, and connects few times at once', async () => {
    const service = await fakeKeystone(1);
    const backend = backendAt(service.url, assert.fail);
    const logins = await Promise.allSettled(
      Array.from({ length: 80 }, (_, at) => backend.authenticate({ username: `u${at}`, secret: 'x' })),
    );
    await service.close();
    const failures = logins.flatMap((login) =>
      login.status === 'rejected' ? [login.reason as unknown] : [],
    );
    assert.equal(failures.length, 16);
    assert.ok(failures.every((error) => error instanceof RegistryError && error.code === 'TOOMANYREQUESTS'));
    assert.ok(service.atOnce() <= 16);
  });

  it('follows no redirect', async () => {
    const target = await fakeKeystone(1);
    const server = createServer((_, res) => {
      res.writeHead(307, { location: `${target.url}/v3/auth/tokens` }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const backend = backendAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, assert.fail);
    await assert.rejects(backend.authenticate({ username: 'syd', secret: 'x' }), /identity service/);
    assert.equal(target.requests(), 0);
    server.close();
    await target.close();
  });
});

/** Everybody may log in, and is a member of so many projects. */
async function fakeKeystone(projects: number) {
  let requests = 0;
  let running = 0;
  let most = 0;
  const domain = { id: 'default', name: 'Default' };
  const list = Array.from({ length: projects }, (_, at) => ({ id: `${at}`, name: `p${219 - at}` }));
  const server = createServer((req, res) => {
    requests += 1;
    most = Math.max(most, (running += 1));
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const id = /"project":\{"id":"(\d+)"/.exec(text)?.[1];
      const project =
        id === undefined ? {} : { project: { ...list[Number(id)], domain }, roles: [{ name: 'member' }] };
      const body =
        req.method === 'GET' ? { projects: list } : { token: { user: { name: 'syd', domain }, ...project } };
      setTimeout(() => {
        running -= 1;
        res.writeHead(req.method === 'GET' ? 200 : 201, { 'x-subject-token': 't' }).end(JSON.stringify(body));
      }, 5);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => requests,
    atOnce: () => most,
    close: () => new Promise<unknown>((resolve) => server.close(resolve)),
  };
}

function backendAt(url: string, warn: (message: string) => void): KeystoneBackend {
  const rules = { domain: 'Default', namespace: '{project}/**', roles: ['member=pull'], projects: [] };
  return new KeystoneBackend(
    {
      client: new KeystoneClient({ url }),
      logins: new RememberedLogins(new StillClock(), testIds),
      rights: new KeystoneRights(rules),
      taken: () => Promise.resolve(false),
      warn,
    },
    { domain: 'Default', timeout: 20_000 },
  );
}
