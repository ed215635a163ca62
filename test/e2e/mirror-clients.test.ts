import assert from 'node:assert/strict';
import type { Asked } from '../mirror/upstream/upstream-bed.js';
import { Origin } from '../mirror/upstream/upstream-bed.js';
import { makeImage, type Image } from '../support/image.js';
import { withCookie } from '../support/lies.js';
import { CDN_ADDRESS, MirrorBed, type MirrorServer } from '../support/mirror-bed.js';
import {
  CLIENTS,
  startMirrorClients,
  type MirrorClient,
  type MirrorClients,
} from '../support/mirror-clients.js';
import { assertOwnSecretsOnly, CLIENT_SECRETS } from '../support/own-secrets.js';
import { basicOf, RegistryClient } from '../support/registry-client.js';
import { ADMIN } from '../support/target.js';

const CONTENT = /^GET \/v2\/.+\/(manifests|blobs)\//;
/** Of repositories there, by upstream: each client takes images that nobody took before. */
const REPOSITORIES = { 'docker.io': 'library/app', 'quay.io': 'team/app' } as const;

describe('clients of the mirror', function () {
  this.timeout(180_000);
  let bed: MirrorBed;
  let mirror: MirrorServer;
  let clients: MirrorClients;
  let cdn: Origin;
  let elsewhere: readonly Asked[] = [];
  const images = new Map<string, Image>();

  before(async function () {
    bed = await MirrorBed.start(this);
    mirror = await bed.startMirror({ workers: 2 });
    clients = await startMirrorClients(this, mirror);
    cdn = await Origin.start(
      ({ url }, response) => {
        const blob = [...images.values()]
          .flatMap(({ layers }) => layers)
          .find(({ digest }) => url.includes(digest));
        response.writeHead(blob === undefined ? 404 : 200).end(blob?.bytes);
      },
      { address: CDN_ADDRESS },
    );
    elsewhere = cdn.asked;
    // The one gives cookies, the other sends for its layers to where they lie.
    bed.hub.front.lie = withCookie(/\/v2\//, 'session=cookie-of-the-hub');
    bed.quay.front.lie = {
      about: /^GET \/v2\/.+\/blobs\//,
      tell({ asked, status, headers, bytes }, response) {
        const isLayer = [...images.values()].some(({ layers }) =>
          layers.some(({ digest }) => asked.url.includes(digest)),
        );
        if (status !== 200 || !isLayer) return void response.writeHead(status, headers).end(bytes);
        response.writeHead(307, { location: `${cdn.url}${asked.url}?signature=of-the-cdn` }).end();
      },
    };
  });
  after(async () => {
    await (clients as MirrorClients | undefined)?.stop();
    await (bed as MirrorBed | undefined)?.stop();
    await (cdn as Origin | undefined)?.stop();
  });
  after(() => {
    if ((bed as MirrorBed | undefined) === undefined) return;
    assert.ok(elsewhere.length > 0, 'nobody followed to where the layers lie');
    assertOwnSecretsOnly(bed, elsewhere);
  });

  const named = (index: number): MirrorClient => {
    const client = clients.all[index];
    assert.ok(client);
    return client;
  };

  /** One of each upstream that the client takes by the mirror, pushed there if it is not yet. */
  async function imagesOf(index: number): Promise<[string, Image][]> {
    const found: [string, Image][] = [];
    for (const upstream of named(index).upstreams) {
      const repository = `${REPOSITORIES[upstream]}-${index}`;
      const name = `${upstream}/${repository}:v1`;
      const image = images.get(name) ?? makeImage({ format: 'docker', layers: 2, layerBytes: 100_000 });
      if (!images.has(name))
        await bed[upstream === 'docker.io' ? 'hub' : 'quay'].push.pushImage(repository, image, 'v1');
      images.set(name, image);
      found.push([name, image]);
    }
    return found;
  }

  async function pulled(client: MirrorClient, name: string, image: Image): Promise<void> {
    const answer = await client.pull(name);
    assert.equal(answer.code, 0, `${client.name} does not get ${name}: ${answer.stderr}`);
    assert.equal(await client.id(name), client.expectedId(image));
  }

  /** All that both have given so far. */
  const given = (): readonly string[] => [...bed.hub.front.given, ...bed.quay.front.given];
  const gets = (): number => given().filter((path) => CONTENT.test(path)).length;

  for (const [index, client] of CLIENTS.entries()) {
    it(`${client} takes an image, and once more without its content being asked for`, async () => {
      for (const [name, image] of await imagesOf(index)) {
        const before = gets();
        await pulled(named(index), name, image);
        assert.equal(gets() - before, 4, `${name}: manifest, configuration and two layers, each once`);
        const removed = await named(index).remove(name);
        assert.equal(removed.code, 0, removed.stderr);
        const all = given().length;
        await pulled(named(index), name, image);
        assert.equal(gets() - before, 4);
        assert.ok(given().length > all, 'the tag was not looked for');
        await named(index).remove(name);
      }
    });
  }

  it('shows nobody what a client of the root mirror sends, and writes it in no log', async () => {
    const image = makeImage({ format: 'docker' });
    await bed.hub.push.pushImage('library/curled', image, 'v1');
    const [secret, cookie] = CLIENT_SECRETS;
    for (const authorization of [
      basicOf({ username: 'me', password: secret }),
      `Bearer ${secret}`,
      basicOf(ADMIN),
    ]) {
      const headers = { authorization, cookie: `session=${cookie}`, 'x-registry-auth': secret };
      for (const path of ['manifests/v1', ...image.layers.map(({ digest }) => `blobs/${digest}`)]) {
        const answer = await fetch(`${mirror.rootUrl}/v2/library/curled/${path}`, { headers });
        assert.equal(answer.status, 200, `${path} with ${authorization}`);
        await answer.arrayBuffer();
      }
    }
    const lines = JSON.stringify(mirror.process.log);
    for (const text of [...CLIENT_SECRETS, basicOf(ADMIN), ADMIN.password]) assert.ok(!lines.includes(text));
  });

  it('what anonymousPull does not name is for those who log in, by its names and by ?ns=', async () => {
    const nobody = new RegistryClient(mirror.url);
    for (const path of ['mirror/quay.io/team/app-1/manifests/v1', 'team/app-1/manifests/v1?ns=quay.io']) {
      assert.equal(await nobody.status('GET', `/v2/${path}`), 401, path);
      assert.equal(await mirror.client().status('GET', `/v2/${path}`), 200, path);
    }
  });

  it('nobody pushes to the mirror, by its names or by ?ns=', async () => {
    const [[name] = ['']] = await imagesOf(1);
    const mirrored = `${mirror.authority}/mirror/${name}`;
    await clients.daemon.docker(['pull', mirrored]);
    const push = await clients.daemon.tryDocker(['push', mirrored]);
    assert.notEqual(push.code, 0);
    assert.match(push.stderr, /is neither pushed nor deleted here/);
    const before = bed.hub.front.asked.length;
    for (const path of ['library/x/blobs/uploads/?ns=docker.io', 'mirror/docker.io/library/x/blobs/uploads/'])
      assert.ok([401, 403, 405].includes(await mirror.client().status('POST', `/v2/${path}`)), path);
    assert.equal(bed.hub.front.asked.length, before, 'an upstream was asked');
  });

  it('a mirrored image is the base of a private one', async () => {
    const [[name, image] = assert.fail()] = await imagesOf(1);
    const mirrored = `${mirror.authority}/mirror/${name}`;
    const mine = `${mirror.authority}/team/x:v1`;
    await clients.daemon.docker(['pull', mirrored]);
    await clients.daemon.docker(['tag', mirrored, mine]);
    const { stdout } = await clients.daemon.docker(['push', mine]);
    assert.equal(
      stdout.match(/: (Mounted from mirror\/docker\.io\/library\/app-1|Layer already exists)$/gm)?.length,
      2,
      stdout,
    );
    await clients.daemon.docker(['rmi', mirrored, mine]);
    await clients.daemon.docker(['pull', mine]);
    assert.equal(await clients.daemon.imageId(mine), image.config.digest);
  });

  it('is warmed, told of and purged from afar', async () => {
    const image = makeImage({ format: 'docker' });
    await bed.hub.push.pushImage('library/warm', image, 'v1');
    const { reports } = await mirror.json<{ reports: { digest: string; fetched: number }[] }>(
      ...['mirror', 'warm', 'docker.io/library/warm:v1'],
    );
    assert.deepEqual(
      reports.map(({ digest, fetched }) => [digest, fetched]),
      [[image.manifest.digest, 3]],
    );
    const before = gets();
    await mirror.client().assertHolds('mirror/docker.io/library/warm', 'v1', image);
    assert.equal(gets(), before);
    const { upstreams } = await mirror.json<{ upstreams: { name: string; state: string }[] }>(
      'mirror',
      'status',
    );
    assert.deepEqual(
      upstreams.map(({ name, state }) => [name, state]),
      [
        ['docker.io', 'up'],
        ['quay.io', 'up'],
      ],
    );
    const { manifests, blobs } = await mirror.json<{ manifests: number; blobs: number }>(
      ...['mirror', 'purge', '--repository', 'mirror/docker.io/library/warm'],
    );
    assert.deepEqual([manifests, blobs], [1, 3]);
    await mirror.client().assertHolds('mirror/docker.io/library/warm', 'v1', image);
    assert.ok(gets() > before, 'it was not purged');
  });

  describe('once the upstreams are stopped', () => {
    before(async () => {
      await bed.hub.stop();
      await bed.quay.stop();
    });

    for (const [index, client] of CLIENTS.entries()) {
      it(`${client} still pulls`, async () => {
        for (const [name, image] of await imagesOf(index)) {
          await pulled(named(index), name, image);
          await named(index).remove(name);
        }
      });
    }

    it('what was never taken is told to be out of reach', async () => {
      const answer = await fetch(`${mirror.rootUrl}/v2/library/never/manifests/v1`);
      assert.equal(answer.status, 503);
      assert.match(await answer.text(), /docker\.io does not answer the mirror, which has no copy/);
      const pull = await named(1).pull('docker.io/library/never:v1');
      assert.notEqual(pull.code, 0);
    });
  });
});
