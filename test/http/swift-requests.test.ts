import assert from 'node:assert/strict';
import { RegistryNode } from '../support/in-process.js';
import type { TestStore } from '../support/in-process.js';
import { swiftBench, swiftStore, type SwiftBench } from '../support/swift-store.js';
import { Client, digestOf } from './client.js';
import { EMPTY_JSON, bytesOf, descriptorOf, imageOf, indexOf } from './content.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const SMALL = bytesOf(300 * KIB, 1);
const LARGE = bytesOf(5 * MIB, 2);
const SEGMENT = 2 * MIB;

/** DESIGN §5's table, counted at Swift's door. */
describe('Swift requests', function () {
  this.timeout(60_000);
  let swift: SwiftBench;
  let store: TestStore;
  let client: Client;
  const nodes: RegistryNode[] = [];

  before(async function () {
    swift = await swiftBench(this);
  });
  after(() => swift?.stop());

  beforeEach(async () => {
    store = swiftStore(swift.account, { segmentBytes: SEGMENT });
    ({ client } = await start());
    await client.pushManifest('a', 'warm', indexOf([]));
  });
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((each) => each.close()));
    await store.remove();
  });

  /** A server with nothing in memory but its token, its session key and that the repository is in the catalog. */
  async function start(): Promise<{ node: RegistryNode; client: Client }> {
    const started = await RegistryNode.start(store);
    nodes.push(started);
    const of = new Client(started);
    await of.openUpload('a');
    return { node: started, client: of };
  }

  async function assertRequests(expected: number, work: () => Promise<unknown>): Promise<void> {
    swift.proxy.reset();
    await work();
    const made = swift.proxy.requests.map(({ method, path, query }) => `${method} ${path} ${query}`);
    assert.equal(made.length, expected, `\n${made.join('\n')}`);
  }

  it('a blob of known digest: 2, +1 catalog marker for a new repository', async () => {
    const push = (name: string, bytes: Buffer) => async (): Promise<void> => {
      (
        await client.call('POST', `/v2/${name}/blobs/uploads/?digest=${digestOf(bytes)}`, { body: bytes })
      ).expect(201);
    };
    await assertRequests(2, push('a', SMALL));
    await assertRequests(2, push('a', bytesOf(SEGMENT, 9)));
    await assertRequests(3, push('new', bytesOf(10, 3)));
  });

  it('a blob by POST + PATCH + PUT: n + 4, 3 up to 2 MiB', async () => {
    for (const [bytes, requests] of [
      [SMALL, 3],
      [bytesOf(SEGMENT, 4), 3],
      [bytesOf(SEGMENT + 1, 4), 2 + 4],
      [LARGE, 3 + 4],
    ] as const) {
      await assertRequests(requests, async () => {
        const location = await client.patch(await client.openUpload('a'), bytes);
        (await client.close(location, digestOf(bytes))).expect(201);
      });
    }
  });

  it('+1 when another node finishes, +1 per further PATCH beside its segments', async () => {
    // One more each: the other has not seen the mark of the repository in the catalog yet.
    for (const [bytes, requests] of [
      [SMALL, 3 + 1],
      [LARGE, 4 + 1],
    ] as const) {
      const { client: other } = await start();
      const location = await client.patch(await client.openUpload('a'), bytes);
      await assertRequests(requests, async () => (await other.close(location, digestOf(bytes))).expect(201));
    }
    const another = bytesOf(5 * MIB, 5);
    await assertRequests(3 + 5, async () => {
      const first = await client.patch(await client.openUpload('a'), another.subarray(0, 2 * SEGMENT));
      const second = await client.patch(first, another.subarray(2 * SEGMENT));
      (await client.close(second, digestOf(another))).expect(201);
    });
    // A first PATCH that was held inline is written with the second.
    await assertRequests(1 + 2 + 1 + 3, async () => {
      const first = await client.patch(await client.openUpload('a'), LARGE.subarray(0, 1000));
      const second = await client.patch(first, LARGE.subarray(1000, 2 * SEGMENT));
      (await client.close(second, digestOf(LARGE.subarray(0, 2 * SEGMENT)))).expect(201);
    });
  });

  it('a mount: at most 3', async () => {
    await client.pushBlob('a', SMALL);
    await client.pushManifest('b', 'warm', indexOf([]));
    const mount = (by: Client) => async (): Promise<void> => {
      (await by.call('POST', `/v2/b/blobs/uploads/?mount=${digestOf(SMALL)}&from=a`)).expect(201);
    };
    await assertRequests(1, mount(client));
    const { client: cold } = await start();
    await cold.pushManifest('b', 'warm', indexOf([]));
    // The link is there already: it is read and compared.
    await assertRequests(4, mount(cold));
  });

  it('a manifest PUT: 4, + 1 with a subject, + 2 for each reference not known', async () => {
    for (const blob of [EMPTY_JSON, SMALL]) await client.pushBlob('a', blob);
    const image = imageOf([SMALL]);
    await assertRequests(4, () => client.pushManifest('a', 't', image));
    const signature = imageOf([SMALL], { subject: descriptorOf(image) });
    await assertRequests(5, () => client.pushManifest('a', 'signature', signature));
    const { client: cold } = await start();
    const other = imageOf([SMALL], { annotations: { a: 'b' } });
    // Config and layer, and the mark of the repository in the catalog, which this server has not seen yet.
    await assertRequests(4 + 2 * 2 + 1, () => cold.pushManifest('a', 'other', other));
  });

  it('a manifest GET: by tag 1, by digest 0, cold 2', async () => {
    const index = indexOf([]);
    await client.pushManifest('a', 't', index);
    const get = (by: Client, reference: string) => async (): Promise<void> => {
      (await by.get(`/v2/a/manifests/${reference}`)).expect(200);
    };
    await assertRequests(1, get(client, 't'));
    await assertRequests(0, get(client, index.digest));
    const { client: cold } = await start();
    await assertRequests(2, get(cold, 't'));
    const { client: colder } = await start();
    await assertRequests(2, get(colder, index.digest));
  });

  it('a blob GET: 1 up to 1 MiB, 2 above, n + 2 for a large SLO; +1 when membership is not known', async () => {
    const get = (by: Client, bytes: Buffer) => async (): Promise<void> => {
      const { body } = (await by.get(`/v2/a/blobs/${digestOf(bytes)}`)).expect(200);
      assert.ok(body.equals(bytes));
    };
    const middle = bytesOf(SEGMENT, 5);
    for (const bytes of [SMALL, middle])
      (await client.call('POST', `/v2/a/blobs/uploads/?digest=${digestOf(bytes)}`, { body: bytes })).expect(
        201,
      );
    (await client.close(await client.patch(await client.openUpload('a'), LARGE), digestOf(LARGE))).expect(
      201,
    );
    const { client: cold } = await start();
    await assertRequests(1, get(client, SMALL));
    await assertRequests(2, get(client, middle));
    await assertRequests(3 + 2, get(client, LARGE));
    await assertRequests(2, get(cold, SMALL));
    await assertRequests(3, get(cold, middle));
    await assertRequests(3 + 3, get(cold, LARGE));
  });

  it('a catalog page of 12 repositories: 1; a tag list: 1', async () => {
    for (let i = 0; i < 12; i++) await client.pushManifest(`team/r${i}`, 't', indexOf([]));
    await assertRequests(1, async () => (await client.get('/v2/_catalog')).expect(200));
    await assertRequests(1, async () => (await client.get('/v2/team/r3/tags/list')).expect(200));
  });
});
