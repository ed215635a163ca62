import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Origin } from '../mirror/upstream/upstream-bed.js';
import { makeImage, type Image } from '../support/image.js';
import { cutBody, denial, endlessBody, foreignRealm, otherBytes, redirect } from '../support/lies.js';
import type { Lie } from '../support/lying-upstream.js';
import { MirrorBed, type MirrorServer } from '../support/mirror-bed.js';
import {
  CLIENTS,
  startMirrorClients,
  type MirrorClient,
  type MirrorClients,
} from '../support/mirror-clients.js';
import { assertOwnSecretsOnly } from '../support/own-secrets.js';

const MIB = 1024 * 1024;
/** What there may be of an endless body before the mirror turns away, the buffers of the sockets with it. */
const MOST_SENT = 16 * MIB;
/** An upstream that failed is left alone for a while. */
const RECOVERY_MS = 60_000;

type Lied = 'layer' | 'configuration' | 'manifest';
interface Case {
  readonly title: string;
  readonly about: Lied;
  readonly lie: (about: RegExp, trap: Origin) => Lie & { readonly sent?: () => number };
}

const CASES: readonly Case[] = [
  { title: 'a layer of other bytes', about: 'layer', lie: otherBytes },
  { title: 'a configuration of other bytes', about: 'configuration', lie: otherBytes },
  { title: 'a manifest of other bytes', about: 'manifest', lie: otherBytes },
  { title: 'a layer that is cut', about: 'layer', lie: cutBody },
  { title: 'a configuration that is cut', about: 'configuration', lie: cutBody },
  { title: 'a manifest that is cut', about: 'manifest', lie: cutBody },
  { title: 'a layer without end', about: 'layer', lie: endlessBody },
  { title: 'a configuration without end', about: 'configuration', lie: endlessBody },
  { title: 'a manifest without end', about: 'manifest', lie: endlessBody },
  {
    title: 'a redirect to another address of this host',
    about: 'layer',
    lie: (about, { url }) => redirect(about, `${url}/layer`),
  },
  {
    title: 'a redirect to a private network',
    about: 'layer',
    lie: (about) => redirect(about, 'http://10.1.2.3:8080/layer'),
  },
  { title: 'a foreign realm', about: 'layer', lie: (about, { url }) => foreignRealm(about, `${url}/token`) },
  {
    title: 'a foreign realm for a manifest',
    about: 'manifest',
    lie: (about, { url }) => foreignRealm(about, `${url}/token`),
  },
  { title: 'anything but 401', about: 'manifest', lie: () => denial(/./, 401) },
  { title: 'anything but 403', about: 'manifest', lie: () => denial(/./, 403) },
  { title: '403 for a layer', about: 'layer', lie: (about) => denial(about, 403) },
];

describe('upstreams that lie to clients of the mirror', function () {
  this.timeout(300_000);
  let bed: MirrorBed;
  let mirror: MirrorServer;
  let clients: MirrorClients;
  let trap: Origin;
  let trapped = 0;
  const known = makeImage({ format: 'docker' });

  before(async function () {
    bed = await MirrorBed.start(this);
    mirror = await bed.startMirror({ workers: 2, rules: { missingMaxAge: '0s' } });
    clients = await startMirrorClients(this, mirror);
    trap = await Origin.start((_, response) => void response.end('{"token":"trapped"}'), {
      address: '127.0.0.9',
    });
    trap.server.on('connection', () => (trapped += 1));
    await bed.hub.push.pushImage('library/known', known, 'v1');
    await bed.quay.push.pushImage('library/known', known, 'v1');
    for (const client of clients.all) {
      for (const upstream of client.upstreams) {
        assert.equal((await client.pull(`${upstream}/library/known:v1`)).code, 0);
        await client.remove(`${upstream}/library/known:v1`);
      }
    }
  });
  after(async () => {
    await (clients as MirrorClients | undefined)?.stop();
    await (bed as MirrorBed | undefined)?.stop();
    await (trap as Origin | undefined)?.stop();
  });
  after(() => {
    if ((bed as MirrorBed | undefined) !== undefined) assertOwnSecretsOnly(bed, []);
  });

  const hex = (digest: string): string => digest.replace('sha256:', '');
  const isKept = (digest: string): boolean =>
    existsSync(
      join(
        mirror.process.root,
        'docker/registry/v2/blobs/sha256',
        hex(digest).slice(0, 2),
        hex(digest),
        'data',
      ),
    );

  const liedAbout = (
    repository: string,
    about: Lied,
    { manifest, config, layers: [layer] }: Image,
  ): RegExp => {
    const content = { layer, configuration: config, manifest }[about];
    assert.ok(content);
    const kind = about === 'manifest' ? `manifests/(v1|${content.digest})` : `blobs/${content.digest}`;
    return new RegExp(`^GET /v2/${repository}/${kind}$`);
  };

  async function pulled(client: MirrorClient, name: string, image: Image): Promise<void> {
    const answer = await client.pull(name);
    assert.equal(answer.code, 0, `${client.name} does not get ${name}: ${answer.stderr}`);
    assert.equal(await client.id(name), client.expectedId(image));
    await client.remove(name);
  }

  /** As somebody would who tries again. */
  async function pulledInTime(client: MirrorClient, name: string, image: Image): Promise<void> {
    const end = performance.now() + RECOVERY_MS;
    while (performance.now() < end && (await client.pull(name)).code !== 0);
    await pulled(client, name, image);
  }

  for (const [index, program] of CLIENTS.entries()) {
    for (const upstream of index === 0 ? (['docker.io'] as const) : (['docker.io', 'quay.io'] as const)) {
      for (const [number, { title, about, lie: makeLie }] of CASES.entries()) {
        it(`${program} is not given ${title} by ${upstream}, nor is it kept`, async () => {
          const client = clients.all[index];
          assert.ok(client);
          const { front, push } = bed[upstream === 'docker.io' ? 'hub' : 'quay'];
          const repository = `library/app-${index}-${number}`;
          const name = `${upstream}/${repository}:v1`;
          const image = makeImage({ format: 'docker', layers: 1, layerBytes: 3 * MIB });
          await push.pushImage(repository, image, 'v1');
          const lie = makeLie(liedAbout(repository, about, image), trap);
          front.lie = lie;
          const before = trapped;
          const answer = await client.pull(name);
          assert.notEqual(answer.code, 0, 'it was given');
          assert.notEqual(answer.stderr, '');
          const content = { layer: image.layers[0], configuration: image.config, manifest: image.manifest }[
            about
          ];
          assert.ok(content && !isKept(content.digest), 'it was kept');
          assert.equal(trapped - before, 0, 'somebody followed to where it led');
          assert.ok((lie.sent?.() ?? 0) <= MOST_SENT, `${lie.sent?.()} bytes were taken`);
          await pulled(client, `${upstream}/library/known:v1`, known);
          front.lie = undefined;
          await pulledInTime(client, name, image);
          assert.ok(isKept(content.digest));
        });
      }
    }
  }
});
