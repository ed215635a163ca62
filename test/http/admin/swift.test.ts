import assert from 'node:assert/strict';
import { AuditLog } from '../../../src/audit/audit-log.js';
import { systemIds } from '../../../src/composition/system.js';
import { bytesEntry, layoutOf, tarArchive } from '../../archive/archives.js';
import { LogLines } from '../../composition/log-lines.js';
import { RegistryNode } from '../../support/in-process.js';
import { swiftBench, swiftStore, type SwiftBench } from '../../support/swift-store.js';
import { basic } from '../access/logins.js';
import { EMPTY_JSON, bytesOf, imageOf } from '../content.js';
import { AdminClient, AdminWorld, IMAGE } from './admin-world.js';

/** Larger than a segment of these tests, so that it is an SLO. */
const LARGE = bytesOf(3 * 1024 * 1024, 9);
const LARGE_IMAGE = imageOf([LARGE]);
/** By which a listing of Swift may lag. */
const LISTING_MS = 10_000;
const ref = (name: string) => ({ 'org.opencontainers.image.ref.name': name });

describe('the admin API over Swift', function () {
  this.timeout(60_000);
  let swift: SwiftBench;
  let store: ReturnType<typeof swiftStore>;
  let node: RegistryNode;
  let trail: AuditLog;
  let world: AdminWorld;

  before(async function () {
    swift = await swiftBench(this);
  });
  beforeEach(async () => {
    store = swiftStore(swift.account, { segmentBytes: 1024 * 1024 });
    trail = new AuditLog(
      { driver: store.driver(), clock: store.clock, ids: systemIds, log: new LogLines() },
      { strict: [] },
    );
    node = await RegistryNode.start(store, { logins: {}, admin: {}, audit: trail });
    world = await AdminWorld.make({ store, node, another: () => assert.fail('one is enough') });
  });
  afterEach(async () => {
    await trail.close();
    await node.close();
    await store.remove();
  });
  after(() => (swift as SwiftBench | undefined)?.stop());

  const archive = (): Promise<Buffer> =>
    tarArchive(layoutOf([[LARGE_IMAGE, ref('big')]], [LARGE, EMPTY_JSON].map(bytesEntry)));

  it('imports, lists, retags, exports and removes', async () => {
    const { root } = world;
    const here = { params: { repository: 'team/big' } };
    const report = await root.value<{ images: { digest: string }[]; blobs: object }>('importArchive', {
      ...here,
      archive: await archive(),
    });
    assert.deepEqual(report.images[0]?.digest, LARGE_IMAGE.digest);
    assert.deepEqual(report.blobs, { added: 2, known: 0 });
    const again = await root.value<{ blobs: object }>('importArchive', { ...here, archive: await archive() });
    assert.deepEqual(again.blobs, { added: 0, known: 2 });
    await root.value('setTag', {
      params: { ...here.params, tag: 'stable' },
      body: { reference: 'big' },
    });
    const exported = (await root.ask('exportArchive', { ...here, query: { reference: ['stable'] } })).expect(
      200,
    );
    assert.equal(exported.body.byteLength, Number(exported.header('content-length')));
    assert.ok(exported.body.includes(LARGE));
    const copied = await root.value<{ digest: string }>('copyImage', {
      params: { repository: 'team/copy' },
      body: { from: { repository: 'team/big', reference: 'stable' }, tag: 'v1' },
    });
    assert.equal(copied.digest, LARGE_IMAGE.digest);
    const tags = await root.value<{ items: { name: string; size: number }[] }>('listTags', here);
    const size = LARGE_IMAGE.bytes.byteLength + LARGE.byteLength + EMPTY_JSON.byteLength;
    assert.deepEqual(
      tags.items.map(({ name, size: bytes }) => [name, bytes]),
      [
        ['big', size],
        ['stable', size],
      ],
    );
    (await root.ask('deleteRepository', here)).expect(200);
    (await root.ask('getTag', { params: { ...here.params, tag: 'stable' } })).expect(404);
    const still = await root.ask('exportArchive', {
      params: { repository: 'team/copy' },
      query: { reference: ['v1'] },
    });
    assert.ok(still.expect(200).body.includes(LARGE));
  });

  it('leaves nothing of an import that is refused', async () => {
    const before = await objects();
    const broken = (await archive()).subarray(0, 3 * 1024 * 1024);
    const answer = await world.root.ask('importArchive', {
      params: { repository: 'team/big' },
      archive: broken,
    });
    answer.expect(422);
    assert.deepEqual(await objects(), before);
  });

  it('answers a request that is sent again by another node as the first', async () => {
    const other = await RegistryNode.start(store, { logins: {}, admin: {}, audit: trail });
    try {
      const asked = { body: { name: 'cd' }, headers: { 'idempotency-key': 'a-key-for-two-nodes' } };
      const first = (await world.root.ask('createRobot', asked)).expect(201);
      const second = (await new AdminClient(other, basic('root')).ask('createRobot', asked)).expect(201);
      assert.equal(second.body.toString(), first.body.toString());
    } finally {
      await other.close();
    }
  });

  it('tells what was done, and what a repository holds', async () => {
    const trailed = await world.root.value<{ items: { action: string }[] }>('listAuditEvents');
    assert.deepEqual(
      trailed.items.map(({ action }) => action).filter((action) => action !== 'login'),
      [],
    );
    await world.root.value('createToken', { body: { owner: 'alice' } });
    const end = performance.now() + LISTING_MS;
    const isListed = async (): Promise<boolean> => {
      const { items } = await world.root.value<{ items: { action: string }[] }>('listAuditEvents');
      return items.some(({ action }) => action === 'token.create');
    };
    while (!(await isListed())) assert.ok(performance.now() < end, 'the event is not listed');
    const usage = await world.root.value<{ bytes: number; manifests: number }>('getRepositoryUsage', {
      params: { repository: 'team/app' },
    });
    assert.equal(usage.manifests, 2);
    assert.ok(usage.bytes > IMAGE.bytes.byteLength);
  });

  /** Everything in the store but what is written of the attempt. */
  async function objects(): Promise<readonly string[]> {
    const driver = store.driver();
    const found: string[] = [];
    for (const prefix of ['docker/registry/v2/', 'stackyard/v1/']) {
      let startAfter: string | undefined;
      do {
        const listing: Awaited<ReturnType<typeof driver.list>> = await driver.list({
          prefix,
          limit: 1000,
          ...(startAfter !== undefined && { startAfter }),
        });
        found.push(...listing.objects.map(({ key }) => key as string));
        startAfter = listing.next;
      } while (startAfter !== undefined);
    }
    const { sets } = await driver.segments.list({ limit: 1000 });
    return [...found.filter((key) => !key.includes('/audit/')), ...sets.map(({ set }) => set)];
  }
});
