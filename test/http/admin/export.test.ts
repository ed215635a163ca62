import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ProblemBody } from '../../../src/api/problem.js';
import { Digest } from '../../../src/domain/digest.js';
import { parseRepositoryName } from '../../../src/domain/repository-name.js';
import type { StorageDriver } from '../../../src/ports/storage-driver.js';
import { filesOf } from '../../archive/archives.js';
import { withFaults } from '../../registry/faulty.js';
import { onStore } from '../../support/in-process.js';
import type { Bench, NodeOptions, StoreName } from '../../support/in-process.js';
import { requireTool } from '../../support/requirement.js';
import { temporaryDirectory } from '../../support/temporary.js';
import { runTool } from '../../support/tool.js';
import { basic, pushClient } from '../access/logins.js';
import { Client, Wire, digestOf } from '../client.js';
import { EMPTY_JSON, bytesOf, imageOf } from '../content.js';
import { AdminClient, AdminWorld, IMAGE, LAYER, pathOf } from './admin-world.js';
import type { Asked } from './admin-world.js';

const STORES: readonly StoreName[] = ['memory', 'filesystem'];
const OPTIONS: NodeOptions = { logins: {}, admin: {} };
const MIB = 1024 * 1024;
const LARGE = bytesOf(24 * MIB, 3);
const LARGE_IMAGE = imageOf([LARGE]);

function exporting(...reference: readonly string[]): Asked {
  return { params: { repository: 'team/app' }, query: { reference } };
}

describe('exports over HTTP', function () {
  this.timeout(30_000);
  for (const store of STORES) describe(`[${store}]`, () => onStore(store, suite, OPTIONS));
});

function suite(bench: () => Bench): void {
  /** Also with an image of a large layer under the tag `large`. */
  async function worldWithLarge(): Promise<AdminWorld> {
    const world = await AdminWorld.make(bench());
    const client = await pushClient(bench().node, 'root', 'team/app');
    await client.pushBlob('team/app', LARGE);
    await client.pushManifest('team/app', 'large', LARGE_IMAGE);
    return world;
  }

  it('tell their length, and are archives that tar reads', async function () {
    requireTool(this, 'tar');
    const { root } = await AdminWorld.make(bench());
    const answer = (await root.ask('exportArchive', exporting('v1'))).expect(200);
    assert.equal(answer.header('content-type'), 'application/x-tar');
    assert.equal(Number(answer.header('content-length')), answer.body.byteLength);
    assert.equal(answer.headers['transfer-encoding'], undefined);
    const files = await filesOf(answer.body);
    for (const bytes of [LAYER, EMPTY_JSON, IMAGE.bytes])
      assert.deepEqual(files.get(`blobs/${digestOf(bytes).replace(':', '/')}`), bytes);
    const home = await temporaryDirectory('export');
    const path = join(home.path, 'image.tar');
    await writeFile(path, answer.body);
    const { stdout } = await runTool('tar', ['-tf', path]);
    assert.deepEqual(stdout.trim().split('\n').sort(), [...files.keys()].sort());
    await home.remove();
  });

  it('hold several images, and can be imported', async () => {
    const { root } = await worldWithLarge();
    const { body: archive } = (await root.ask('exportArchive', exporting('v1', 'large'))).expect(200);
    const report = await root.value<{ images: readonly { digest: string; tags: string[] }[] }>(
      'importArchive',
      {
        params: { repository: 'team/again' },
        archive,
      },
    );
    assert.deepEqual(
      report.images.map(({ digest, tags }) => [digest, tags]),
      [
        [IMAGE.digest, ['v1']],
        [LARGE_IMAGE.digest, ['large']],
      ],
    );
  });

  it('are refused before the first byte', async () => {
    const { root, bench: here } = await AdminWorld.make(bench());
    const refused = async (asked: Asked, ...statuses: readonly number[]): Promise<void> => {
      const answer = await root.ask('exportArchive', asked);
      assert.ok(statuses.includes(answer.status), `${answer.status} ${answer.body.toString()}`);
      assert.equal(answer.header('content-type'), 'application/problem+json');
      assert.match((answer.json() as ProblemBody).detail, /^[^\n]{10,}$/);
    };
    await refused(exporting('v1', 'v9'), 404);
    await refused(exporting(`sha256:${'0'.repeat(64)}`), 404);
    await refused({ params: { repository: 'team/gone' }, query: { reference: 'v1' } }, 404);
    await refused({ params: { repository: 'team/app' } }, 400);
    await refused(exporting('no/tag'), 400);
    await here.node.registry.blobs.delete(parseRepositoryName('team/app'), Digest.parse(digestOf(LAYER)));
    await refused(exporting('v1'), 404);
  });

  it('answer HEAD with the same head and no body', async () => {
    const { root, bench: here } = await AdminWorld.make(bench());
    const { body } = (await root.ask('exportArchive', exporting('v1'))).expect(200);
    const client = new Client(here.node);
    const head = (await client.head(pathOf('exportArchive', exporting('v1')), basic('root'))).expect(200);
    assert.equal(Number(head.header('content-length')), body.byteLength);
    assert.equal(head.header('content-type'), 'application/x-tar');
    assert.equal(head.body.byteLength, 0);
    (await client.head(pathOf('exportArchive', exporting('v9')), basic('root'))).expect(404);
    (await client.get('/admin/v1/me', basic('root'))).expect(200);
  });

  it('let go of the blob when the client goes away', async () => {
    await worldWithLarge();
    let tell: (body: Readable) => void = () => undefined;
    const opened = new Promise<Readable>((resolve) => (tell = resolve));
    const driver = watched(bench().store.driver(), (body) => tell(body));
    const node = await bench().another({ ...OPTIONS, driver });
    const wire = await Wire.to(node.port);
    const { authorization } = basic('root');
    wire.head(
      `GET ${pathOf('exportArchive', exporting('large'))} HTTP/1.1`,
      `authorization: ${String(authorization)}`,
    );
    await wire.until(/\r\n\r\n/);
    const body = await opened;
    wire.destroy();
    if (!body.closed) await new Promise((resolve) => body.once('close', resolve)); // it may fail, too
    assert.ok(!body.readableEnded, 'it was read to its end');
    (await new Client(node).get('/admin/v1/me', basic('root'))).expect(200);
  });

  it('end the connection where a blob turns out shorter than it was', async () => {
    await worldWithLarge();
    const driver = bench().store.driver();
    const get: StorageDriver['get'] = async (key, options) => {
      const found = await driver.get(key, options);
      if (found.stat.size !== LARGE.byteLength) return found;
      found.body.destroy();
      return { ...found, body: Readable.from([LARGE.subarray(0, MIB)]) };
    };
    const node = await bench().another({ ...OPTIONS, driver: withFaults(driver, { get }) });
    const asking = new AdminClient(node, basic('root')).ask('exportArchive', exporting('large'));
    await assert.rejects(asking, /aborted|hang up|ECONNRESET/);
    (await new Client(node).get('/admin/v1/me', basic('root'))).expect(200);
  });
}

/** Tells of the bodies of large objects that are read. */
function watched(driver: StorageDriver, tell: (body: Readable) => void): StorageDriver {
  const get: StorageDriver['get'] = async (key, options) => {
    const found = await driver.get(key, options);
    if (found.stat.size === LARGE.byteLength) tell(found.body);
    return found;
  };
  return withFaults(driver, { get });
}
