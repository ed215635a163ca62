import assert from 'node:assert/strict';
import type { OutgoingHttpHeaders } from 'node:http';
import type { ProblemBody } from '../../../src/api/problem.js';
import { onStore } from '../../support/in-process.js';
import type { Bench, NodeOptions } from '../../support/in-process.js';
import { basic } from '../access/logins.js';
import { AdminClient, AdminWorld } from './admin-world.js';

const OPTIONS: NodeOptions = { logins: {}, admin: {} };
const PROXIED = {
  'x-forwarded-host': 'registry.example',
  'x-forwarded-proto': 'https',
};

/** What a browser says of the page that sends a request, when the server is called by the host `registry`. */
const SENDERS: readonly (readonly [told: OutgoingHttpHeaders, isOwn: boolean])[] = [
  [{}, true],
  [{ origin: 'http://registry' }, true],
  [{ origin: 'http://registry', 'sec-fetch-site': 'same-origin' }, true],
  [{ 'sec-fetch-site': 'same-origin' }, true],
  [{ 'sec-fetch-site': 'none' }, true],
  [{ origin: 'https://registry' }, false],
  [{ origin: 'http://registry:8080' }, false],
  [{ origin: 'http://registry.elsewhere.example' }, false],
  [{ origin: 'http://elsewhere.example' }, false],
  [{ origin: 'null' }, false],
  [{ origin: '' }, false],
  [{ 'sec-fetch-site': 'cross-site' }, false],
  [{ 'sec-fetch-site': 'same-site' }, false],
  [{ origin: 'http://registry', 'sec-fetch-site': 'cross-site' }, false],
];

async function assertAnswered(
  admin: AdminClient,
  headers: OutgoingHttpHeaders,
  isOwn: boolean,
): Promise<void> {
  const told = JSON.stringify(headers);
  const change = await admin.ask('addMember', { params: { group: 'ops', user: 'alice' }, headers });
  assert.equal(change.status, isOwn ? 204 : 403, told);
  const look = await admin.ask('listUsers', { headers });
  assert.equal(look.status, isOwn ? 200 : 403, told);
  if (!isOwn) assert.match((look.json() as ProblemBody).detail, /another origin/);
}

describe('pages that use the admin API', () => {
  onStore('memory', suite, OPTIONS);
});

function suite(bench: () => Bench): void {
  for (const [told, isOwn] of SENDERS) {
    it(`${isOwn ? 'may' : 'may not'} where the browser tells ${JSON.stringify(told)}`, async () => {
      const { root } = await AdminWorld.make(bench());
      await assertAnswered(root, { host: 'registry', ...told }, isOwn);
    });
  }

  it('change nothing from elsewhere', async () => {
    const { root } = await AdminWorld.make(bench());
    const headers = { origin: 'http://elsewhere.example' };
    (await root.ask('deleteUser', { params: { name: 'alice' }, headers })).expect(403);
    (await root.ask('getUser', { params: { name: 'alice' } })).expect(200);
  });

  it('are those of the name that a trusted proxy tells, and of no other', async () => {
    await AdminWorld.make(bench());
    const proxied = await bench().another({
      ...OPTIONS,
      admin: { origin: { trustedProxies: ['127.0.0.0/8'] } },
    });
    const behind = new AdminClient(proxied, basic('root'));
    const own = { ...PROXIED, host: 'inner:5000', origin: 'https://registry.example' };
    await assertAnswered(behind, own, true);
    await assertAnswered(behind, { ...own, 'x-forwarded-host': 'registry.example:443' }, true);
    await assertAnswered(behind, { ...own, 'x-forwarded-host': 'Registry.Example' }, true);
    await assertAnswered(behind, { ...own, 'x-forwarded-proto': 'http' }, false);
    await assertAnswered(behind, { ...own, origin: 'http://inner:5000' }, false);
    await assertAnswered(behind, { ...own, 'x-forwarded-host': '[' }, false);
    await assertAnswered(new AdminClient(bench().node, basic('root')), own, false);
  });

  it('are those of the public URL where one is configured', async () => {
    await AdminWorld.make(bench());
    const publicUrl = 'https://registry.example:443/';
    const node = await bench().another({ ...OPTIONS, admin: { origin: { publicUrl } } });
    const admin = new AdminClient(node, basic('root'));
    await assertAnswered(admin, { origin: 'https://registry.example' }, true);
    await assertAnswered(admin, { host: 'elsewhere.example', origin: 'http://elsewhere.example' }, false);
  });
}
