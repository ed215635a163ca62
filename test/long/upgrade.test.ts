import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { buildEarlierRelease, type EarlierRelease } from '../support/earlier-release.js';
import { makeImage, sha256 } from '../support/image.js';
import { basicOf, RegistryClient } from '../support/registry-client.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { swiftBed } from '../support/swift-bed.js';
import { swiftEnvironment } from '../support/swift-store.js';
import { ADMIN, WITH_LOGINS, type Login } from '../support/target.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';

const MIB = 1024 * 1024;
/** Above the 5 s that another node may remember what was. */
const SEEN_WITHIN_MS = 15_000;

interface AuditEvent {
  readonly action: string;
  readonly by: string;
  readonly repository?: string;
}

describe('this release and the one before share a store', function () {
  this.timeout(300_000);
  let release: EarlierRelease | undefined;
  /** What both mirror; of this release. */
  let upstream: ServerProcess | undefined;

  before(async function () {
    this.timeout(300_000);
    release = await buildEarlierRelease();
    upstream = await startServer();
  });
  after(async () => {
    await upstream?.stop();
    await release?.remove();
  });

  for (const [storage, beginner] of [
    ['filesystem', 'old'],
    ['swift', 'new'],
  ] as const) {
    describe(`${storage}, begun by the ${beginner} one`, function () {
      this.timeout(60_000);
      let home: TemporaryDirectory;
      const nodes: ServerProcess[] = [];
      const clients: RegistryClient[] = [];
      let startOld: () => Promise<ServerProcess>;

      before(async function () {
        assert.ok(release && upstream);
        home = await temporaryDirectory('upgrade');
        const config = join(home.path, 'stackyard.yaml');
        const mirror = { upstreams: [{ name: 'up.example', url: upstream.url }], tagMaxAge: '0s' };
        // JSON is YAML.
        await writeFile(config, JSON.stringify({ mirror }));
        const store = storage === 'swift' ? swiftEnvironment((await swiftBed(this)).v1) : {};
        const env = {
          ...store,
          ...WITH_LOGINS,
          STACKYARD_CONFIG: config,
          STACKYARD_CACHE_MAX_AGE: '0s',
        };
        const root = join(home.path, 'data');
        const { main } = release;
        startOld = () => startServer({ root, env, main });
        // Whoever comes first makes the store.
        const first = beginner === 'old' ? await startOld() : await startServer({ root, env });
        const second = beginner === 'old' ? await startServer({ root, env }) : await startOld();
        nodes.push(...(beginner === 'old' ? [first, second] : [second, first]));
        clients.push(...nodes.map(({ url }) => new RegistryClient(url, ADMIN)));
        console.log(`      ${release.name} and this release`);
      });

      after(async () => {
        const codes = await Promise.all(nodes.map((node) => node.stop()));
        await (home as TemporaryDirectory | undefined)?.remove();
        assert.deepEqual(new Set(codes), new Set([0]));
      });

      for (const [from, to] of [
        [0, 1],
        [1, 0],
      ] as const) {
        const way = from === 0 ? 'old → new' : 'new → old';
        const pair = (): { here: RegistryClient; there: RegistryClient } => {
          const [here, there] = [clients[from], clients[to]];
          assert.ok(here && there);
          return { here, there };
        };

        it(`${way}: an image pushed by one is pulled from the other`, async () => {
          const { here, there } = pair();
          for (const format of ['oci', 'docker'] as const) {
            const image = makeImage({ format, layers: 2, layerBytes: 2 * MIB + 5 });
            await here.pushImage(`images${from}`, image, format);
            await there.assertHolds(`images${from}`, format, image);
            await eventually('its tag is listed', async () =>
              (await there.tags(`images${from}`)).includes(format),
            );
          }
          await eventually('it is in the catalog', async () =>
            (await there.catalog()).includes(`images${from}`),
          );
        });

        it(`${way}: an upload begun on one goes on and ends on the other`, async () => {
          const { here, there } = pair();
          const bytes = randomBytes(3 * MIB);
          const opened = await here.request('POST', `/v2/uploads${from}/blobs/uploads/`);
          assert.equal(opened.status, 202);
          let location = opened.headers.get('location') ?? '';
          const turns = [here, there, here];
          for (const [index, client] of turns.entries()) {
            const chunk = bytes.subarray(index * MIB, (index + 1) * MIB);
            const range = `${index * MIB}-${(index + 1) * MIB - 1}`;
            const headers = { 'content-type': 'application/octet-stream', 'content-range': range };
            const path = pathOf(location);
            const answer = await client.request('PATCH', path, { headers, body: new Uint8Array(chunk) });
            assert.equal(answer.status, 202, await answer.text());
            location = answer.headers.get('location') ?? '';
          }
          const url = new URL(pathOf(location), there.url);
          url.searchParams.set('digest', sha256(bytes));
          assert.equal((await there.request('PUT', url.href)).status, 201);
          for (const client of [here, there])
            assert.ok((await client.blob(`uploads${from}`, sha256(bytes))).equals(bytes));
        });

        it(`${way}: a robot made on one logs in on the other, and what is revoked is out everywhere`, async () => {
          const { here, there } = pair();
          const grant = { actions: ['pull'], repositories: 'images*' };
          const { id, secret } = await admin<{ id: string; secret: string }>(here, 'POST', '/robots', {
            name: `robot${from}`,
            grants: [grant],
          });
          const login = { username: `robot${from}`, password: secret };
          const token = await tokenOf(there.url, login, 'repository:images0:pull');
          const path = '/v2/images0/manifests/oci';
          for (const { url } of [there, here]) assert.equal(await statusWith(url, path, token), 200);
          await admin(here, 'DELETE', `/tokens/${encodeURIComponent(id)}`);
          for (const { url } of [there, here])
            await eventually(
              'the token is refused',
              async () => (await statusWith(url, path, token)) === 401,
            );
        });

        it(`${way}: what is deleted on one is gone from the other`, async () => {
          const { here, there } = pair();
          const image = makeImage({ format: 'oci', layers: 1 });
          const repository = `deleted${from}`;
          await there.pushImage(repository, image, 'v1');
          await here.assertHolds(repository, 'v1', image);
          await here.deleteManifest(repository, image.manifest.digest);
          const path = `/v2/${repository}/manifests/`;
          for (const reference of ['v1', image.manifest.digest])
            await eventually(
              'it is gone',
              async () => (await there.status('HEAD', path + reference)) === 404,
            );
        });

        it(`${way}: what one did is read in the audit of the other`, async () => {
          const { there } = pair();
          // Of the test before: the deletion was written before its answer.
          await eventually('the deletion is told', async () => {
            const { items } = await admin<{ items: AuditEvent[] }>(
              there,
              'GET',
              '/audit?action=manifest.delete',
            );
            return items.some(
              ({ action, repository }) => action === 'manifest.delete' && repository === `deleted${from}`,
            );
          });
        });

        it(`${way}: what one took from an upstream the other serves, also when that is gone`, async () => {
          assert.ok(upstream);
          const { here, there } = pair();
          const image = makeImage({ format: 'oci', layers: 2 });
          await new RegistryClient(upstream.url).pushImage(`app${from}`, image, 'v1');
          const name = `mirror/up.example/app${from}`;
          await here.assertHolds(name, 'v1', image);
          await eventually('the manifest is stored', async () => {
            return (await there.status('HEAD', `/v2/${name}/manifests/${image.manifest.digest}`)) === 200;
          });
          await there.assertHolds(name, 'v1', image);
          const denied = await there.request('POST', `/v2/${name}/blobs/uploads/`);
          assert.ok([403, 405].includes(denied.status), `a push was answered ${denied.status}`);
        });
      }

      it('read-only set by the old one is obeyed by the new one, which ends it for both', async () => {
        const [old, fresh] = clients;
        assert.ok(old && fresh);
        const status = async (client: RegistryClient): Promise<number> =>
          (await client.request('POST', '/v2/images0/blobs/uploads/')).status;
        await admin(old, 'PUT', '/read-only', { readOnly: true, reason: 'upgrade' });
        await eventually('pushes are refused', async () => (await status(fresh)) === 405);
        await admin(fresh, 'PUT', '/read-only', { readOnly: false });
        await eventually('pushes are taken', async () => (await status(old)) === 202);
      });

      it('the old one starts again on what the new one served last, alone, and serves it', async () => {
        const [old, fresh] = clients;
        assert.ok(old && fresh);
        assert.equal(await nodes[0]?.stop(), 0);
        const image = makeImage({ format: 'oci', layers: 2 });
        await fresh.pushImage('back', image, 'v1');
        assert.equal(await nodes[1]?.stop(), 0);
        const again = await startOld();
        nodes.splice(0, nodes.length, again);
        const client = new RegistryClient(again.url, ADMIN);
        await client.assertHolds('back', 'v1', image);
        await client.pushImage('back', makeImage({ format: 'docker', layers: 1 }), 'v2');
        assert.ok((await client.catalog()).includes('back'));
      });
    });
  }
});

function pathOf(location: string): string {
  const { pathname, search } = new URL(location, 'http://any');
  return pathname + search;
}

/** A call of the admin API by the administrator; its answer as JSON. */
async function admin<T>({ url }: RegistryClient, method: string, path: string, body?: object): Promise<T> {
  const answer = await fetch(`${url}/admin/v1${path}`, {
    method,
    headers: { authorization: basicOf(ADMIN), 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

async function tokenOf(url: string, login: Login, scope: string): Promise<string> {
  const answer = await fetch(`${url}/token?service=stackyard&scope=${scope}`, {
    headers: { authorization: basicOf(login) },
  });
  assert.equal(answer.status, 200, await answer.clone().text());
  return ((await answer.json()) as { token: string }).token;
}

async function statusWith(url: string, path: string, token: string): Promise<number> {
  const answer = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } });
  await answer.arrayBuffer();
  return answer.status;
}

async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + SEEN_WITHIN_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, `${what}: not within ${SEEN_WITHIN_MS} ms`);
    await delay(200);
  }
}
