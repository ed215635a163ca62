import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startChild } from '../support/child.js';
import { makeImage, type Content, type Image } from '../support/image.js';
import { compiledRoot } from '../support/project.js';
import { RegistryClient } from '../support/registry-client.js';
import { cleanEnvironment, startServer, type ServerProcess } from '../support/server-process.js';
import { swiftBed, type SwiftBed } from '../support/swift-bed.js';
import { SwiftObjects } from '../support/swift-objects.js';
import { startSwiftPeer, swiftEnvironment } from '../support/swift-peer.js';
import { ADMIN, WITH_LOGINS } from '../support/target.js';

const MIB = 1024 * 1024;

interface Outcome {
  readonly code: number | null;
  readonly err: string;
  readonly report: {
    readonly shared: boolean;
    readonly blobs: Readonly<Record<'plain' | 'large' | 'legacy', { count: number; bytes: number }>>;
    readonly heal: {
      readonly healed: { count: number };
      readonly uploads: number;
      readonly failures: readonly { digest: string; reason: string }[];
    };
  };
}

describe("stackyard adopt --heal on what docker-registry's Swift driver wrote", function () {
  this.timeout(180_000);
  let bed: SwiftBed;
  let store: SwiftObjects;
  let env: Readonly<Record<string, string>>;
  const servers: ServerProcess[] = [];

  before(async function () {
    bed = await swiftBed(this);
  });

  beforeEach(() => {
    const place = { container: `heal-${randomUUID()}`, prefix: '' };
    store = new SwiftObjects(bed, place, 'files/');
    env = swiftEnvironment(bed, place);
  });

  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
    await store.remove();
  });

  async function withPeer<T>(suite: Mocha.Context, work: (peer: RegistryClient) => Promise<T>): Promise<T> {
    const peer = await startSwiftPeer(suite, bed, store.place);
    try {
      return await work(new RegistryClient(peer.url));
    } finally {
      await peer.stop();
    }
  }

  async function serve(): Promise<RegistryClient> {
    const server = await startServer({ env: { ...env, ...WITH_LOGINS } });
    servers.push(server);
    return new RegistryClient(server.url, ADMIN);
  }

  /** The command as an operator runs it; `report` is empty where it ended without one. */
  async function adopt(...options: readonly string[]): Promise<Outcome> {
    const command = await startAdopt(...options);
    let [out, err] = ['', ''];
    command.process.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
    command.process.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text));
    const { code } = await command.ended;
    return { code, err, report: JSON.parse(out === '' ? '{}' : out) as Outcome['report'] };
  }

  const startAdopt = async (...options: readonly string[]): ReturnType<typeof startChild> =>
    startChild(
      process.execPath,
      [join(compiledRoot, 'src/cli/stackyard.js'), 'adopt', '--json', ...options],
      {
        env: { ...cleanEnvironment(), ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );

  const formOf = async ({ digest }: Content): Promise<string> =>
    (await store.formOf(store.blobName(digest))).form;

  it('is refused while that registry may write, then converts all under both registries', async function () {
    const image = largeImage();
    const blobs = [image.config, ...image.layers];
    await withPeer(this, (peer) => peer.pushImage('a/app', image, 'v1'));

    const look = await adopt();
    assert.deepEqual([look.code, look.report.shared, look.report.blobs.legacy.count], [0, true, 2]);
    assert.equal(
      look.report.blobs.legacy.bytes,
      blobs.reduce((sum, { size }) => sum + size, 0),
    );
    const refused = await adopt('--heal');
    assert.equal(refused.code, 1);
    assert.match(refused.err, /^stackyard: the store is shared: another registry .* add --finish.*\n$/);
    for (const blob of blobs) assert.equal(await formOf(blob), 'DLO');

    const healed = await adopt('--finish', '--heal');
    assert.deepEqual([healed.code, healed.err, healed.report.heal.healed.count], [0, '', 2]);
    for (const blob of blobs) {
      const form = await store.formOf(store.blobName(blob.digest));
      assert.deepEqual([form.form, form.size, form.segments], ['SLO', blob.size, undefined]);
    }
    const again = await adopt('--heal');
    assert.deepEqual([again.code, again.report.heal.healed.count, again.report.blobs.large.count], [0, 0, 2]);

    const ours = await serve();
    await withPeer(this, async (peer) => {
      for (const client of [ours, peer]) {
        await client.assertHolds('a/app', 'v1', image);
        await assertRange(client, layerOf(image));
      }
    });
  });

  it('names a blob that lost a segment, leaves it, and lets a push mend it', async function () {
    const [lost, sound] = [largeImage(), largeImage()];
    await withPeer(this, async (peer) => {
      await peer.pushImage('a/lost', lost, 'v1');
      await peer.pushImage('a/sound', sound, 'v1');
    });
    const layer = layerOf(lost);
    const segments = await store.segmentsOf(await store.formOf(store.blobName(layer.digest)));
    await store.delete(segments[2] ?? '');

    const healed = await adopt('--finish', '--heal');
    assert.equal(healed.code, 1);
    assert.deepEqual([healed.report.heal.healed.count, healed.report.heal.failures.length], [3, 1]);
    const [named, summary] = healed.err.split('\n');
    assert.match(
      named ?? '',
      new RegExp(`^stackyard: ${layer.digest} was left as it was: .*0000000000000003 is gone`),
    );
    assert.match(summary ?? '', /^stackyard: 1 blob cannot be healed; push what is damaged again/);
    assert.equal(await formOf(layer), 'DLO');

    const ours = await serve();
    // Gets a token that may push: to others the blob is not gone.
    assert.equal(await ours.status('POST', '/v2/a/lost/blobs/uploads/'), 202);
    assert.equal(await ours.status('HEAD', `/v2/a/lost/blobs/${layer.digest}`), 404);
    await ours.pushImage('a/lost', lost, 'v1');
    await ours.assertHolds('a/lost', 'v1', lost);
    assert.equal((await adopt('--heal')).code, 0);
  });

  it('goes on where it was killed', async function () {
    const images = Array.from({ length: 4 }, () => largeImage());
    await withPeer(this, async (peer) => {
      for (const [i, image] of images.entries()) await peer.pushImage(`a/app${i}`, image, 'v1');
    });
    assert.equal((await adopt('--finish')).code, 0);
    const command = await startAdopt('--heal');
    const blobs = images.flatMap(({ config, layers }) => [config, ...layers]);
    const forms = async (): Promise<string[]> => Promise.all(blobs.map(formOf));
    while (command.running() && !(await forms()).includes('SLO')) await delay(20);
    command.process.kill('SIGKILL');
    await command.ended;
    const healedBefore = (await forms()).filter((form) => form === 'SLO').length;
    assert.ok(healedBefore > 0);

    const ours = await serve();
    for (const [i, image] of images.entries()) await ours.assertHolds(`a/app${i}`, 'v1', image);
    const rest = await adopt('--heal');
    // What Swift was asked for in the moment of the kill it does afterwards.
    assert.equal(rest.code, 0);
    assert.ok(rest.report.heal.healed.count <= blobs.length - healedBefore);
    assert.deepEqual(new Set(await forms()), new Set(['SLO']));
    for (const [i, image] of images.entries()) await ours.assertHolds(`a/app${i}`, 'v1', image);
  });

  it('removes an upload that shares the segments, whose purge would have taken them', async function () {
    const [kept, taken] = [largeImage(), largeImage()];
    await withPeer(this, async (peer) => {
      await peer.pushImage('a/kept', kept, 'v1');
      await peer.pushImage('a/taken', taken, 'v1');
    });
    const uploads = await Promise.all([kept, taken].map((image) => leaveUpload(layerOf(image))));
    // Without a heal that purge is the end of the blob.
    await purgeAsDistribution(uploads[1] ?? '');
    assert.equal(
      (await store.segmentsOf(await store.formOf(store.blobName(layerOf(taken).digest)))).length,
      0,
    );

    const healed = await adopt('--finish', '--heal');
    assert.deepEqual([healed.report.heal.uploads, healed.report.heal.failures.length], [1, 1]);
    await purgeAsDistribution(uploads[0] ?? '');
    const ours = await serve();
    await withPeer(this, async (peer) => {
      for (const client of [ours, peer]) await client.assertHolds('a/kept', 'v1', kept);
    });
  });

  /** What an upload leaves whose deletion, the last step of distribution's move, did not succeed. */
  async function leaveUpload(blob: Content): Promise<string> {
    const { segments = '' } = await store.formOf(store.blobName(blob.digest));
    const upload = store.fileName(`repositories/never/finished/_uploads/${randomUUID()}`);
    await store.put(`${upload}/startedat`, Buffer.from('2024-01-01T00:00:00Z'));
    await store.put(`${upload}/data`, Buffer.alloc(0), { 'x-object-manifest': segments });
    return upload;
  }

  /** As the recursive Delete of distribution 2.8's Swift driver, which its purge of uploads calls. */
  async function purgeAsDistribution(upload: string): Promise<void> {
    const names = await store.names(`${upload}/`);
    const segments = await Promise.all(names.map(async (name) => store.segmentsOf(await store.formOf(name))));
    for (const name of [...names, ...segments.flat()]) await store.delete(name);
  }

  it('goes on under pulls and pushes of the same blobs', async function () {
    const image = largeImage();
    await withPeer(this, (peer) => peer.pushImage('a/app', image, 'v1'));
    assert.equal((await adopt('--finish')).code, 0);
    const ours = await serve();
    const heal = adopt('--heal');
    let healing = true;
    const ended = heal.finally(() => (healing = false));
    let rounds = 0;
    while (healing || rounds === 0) {
      await Promise.all([
        ours.assertHolds('a/app', 'v1', image),
        assertRange(ours, layerOf(image)),
        ours.pushImage('a/app', image, 'v1'),
        ours.pushImage('b/other', image, 'v2'),
      ]);
      rounds += 1;
    }
    const { code, report } = await ended;
    assert.deepEqual([code, report.heal.failures], [0, []]);
    for (const blob of [image.config, ...image.layers]) assert.equal(await formOf(blob), 'SLO');
    await ours.assertHolds('b/other', 'v2', image);
  });
});

/** The last bytes of one segment and the first of the next. */
async function assertRange(client: RegistryClient, { digest, bytes, size }: Content): Promise<void> {
  const headers = { range: `bytes=${2 * MIB - 5}-${2 * MIB + 4}` };
  const answer = await client.request('GET', `/v2/a/app/blobs/${digest}`, { headers });
  assert.deepEqual(
    [answer.status, answer.headers.get('content-range')],
    [206, `bytes 2097147-2097156/${size}`],
  );
  assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes.subarray(2 * MIB - 5, 2 * MIB + 5)));
}

/** One layer of a little more than 5 MiB. */
function largeImage(): Image {
  return makeImage({ format: 'docker', layers: 1, layerBytes: 5 * MIB });
}

function layerOf({ layers: [layer] }: Image): Content {
  assert.ok(layer);
  return layer;
}
