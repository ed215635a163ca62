import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { systemIds } from '../../src/composition/system.js';
import { until } from '../abuse/deadline.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { swiftBench, swiftEnvironment, type SwiftBench } from '../support/swift-store.js';

const BLOB = Buffer.from('a layer');
const DIGEST = `sha256:${createHash('sha256').update(BLOB).digest('hex')}`;

describe('starting while Swift is away', function () {
  this.timeout(60_000);
  let bench: SwiftBench;
  let container: string;
  let server: ServerProcess;

  before(async function () {
    bench = await swiftBench(this);
  });
  after(() => bench?.stop());

  beforeEach(() => (container = `degraded-${systemIds.unique()}`));
  afterEach(async () => {
    assert.equal(await server.stop(), 0);
    await bench.proxy.heal();
    await empty(container);
  });

  async function start(workers: number, env: Record<string, string> = {}): Promise<void> {
    const times = {
      STACKYARD_STORAGE_SWIFT_CONNECT_TIMEOUT: '1s',
      STACKYARD_STORAGE_SWIFT_REQUEST_TIMEOUT: '2s',
      STACKYARD_STORAGE_SWIFT_RETRY_FOR: '0s',
    };
    server = await startServer({
      workers,
      env: { ...swiftEnvironment(bench.account, container), ...times, ...env },
    });
  }

  async function empty(name: string): Promise<void> {
    const { body } = await bench.bed.request('GET', `/${name}`);
    for (const object of body.toString().split('\n').filter(Boolean)) {
      await bench.bed.request('DELETE', `/${name}/${encodeURI(object)}`);
    }
    await bench.bed.request('DELETE', `/${name}`);
  }

  const words = (msg: string): number => server.log.filter((line) => line['msg'] === msg).length;
  const statuses = async (path: string): Promise<number[]> => {
    const answers = Array.from({ length: 6 }, () =>
      fetch(server.url + path, { headers: { Connection: 'close' } }),
    );
    return [...new Set((await Promise.all(answers)).map(({ status }) => status))];
  };

  for (const workers of [1, 2]) {
    it(`${workers} worker${workers > 1 ? 's listen, serve' : ' listens, serves'} as soon as Swift is there, and purges`, async () => {
      await bench.proxy.down();
      await start(workers);
      assert.deepEqual(await statuses('/healthz'), [200]);
      assert.deepEqual(await statuses('/v2/'), [503]);
      const unready = await fetch(`${server.url}/readyz`);
      assert.equal(unready.status, 503);
      assert.match(((await unready.json()) as { reason: string }).reason, /^cannot open the swift store: /);
      assert.equal(words('purged dead uploads'), 0);
      await bench.proxy.up();
      await until(
        'every process serves',
        async () => {
          const seen = await statuses('/readyz');
          return seen.length === 1 && seen[0] === 200;
        },
        30_000,
      );
      const pushed = await fetch(`${server.url}/v2/a/blobs/uploads/?digest=${DIGEST}`, {
        method: 'POST',
        body: BLOB,
      });
      assert.equal(pushed.status, 201);
      assert.deepEqual(await statuses(`/v2/a/blobs/${DIGEST}`), [200]);
      const processes = workers > 1 ? workers + 1 : 1;
      await until('all told that they serve', () => words('the store is open; serving') === processes);
      assert.equal(words('not ready: calls are answered 503 until the store opens'), processes);
      await until('the purge ran', () => words('purged dead uploads') === 1);
    });
  }

  it('tells of a wrong password, and of a container that others may read', async () => {
    await start(1, { ST_KEY: 'not the password' });
    const reason = async (): Promise<string> =>
      ((await (await fetch(`${server.url}/readyz`)).json()) as { reason: string }).reason;
    assert.match(await reason(), /^cannot open the swift store: .*(?:user|password|key|credential)/i);
    assert.doesNotMatch(JSON.stringify(server.log), /not the password/);
    assert.equal(await server.stop(), 0);
    await bench.bed.request('PUT', `/${container}`, { 'X-Container-Read': '.r:*' });
    await start(1);
    assert.match(await reason(), /may be read by .*take that away/);
    await bench.bed.request('POST', `/${container}`, { 'X-Remove-Container-Read': 'x' });
    await until('it serves', async () => (await fetch(`${server.url}/readyz`)).status === 200, 30_000);
  });

  it('sends clients to Swift by a signed URL, and its log never holds the signature', async () => {
    await start(1, {
      STACKYARD_STORAGE_SWIFT_REDIRECT_ENABLED: 'true',
      STACKYARD_STORAGE_SWIFT_REDIRECT_REPOSITORIES: 'public/**',
    });
    for (const name of ['public/app', 'private']) {
      const url = `${server.url}/v2/${name}/blobs/uploads/?digest=${DIGEST}`;
      assert.equal((await fetch(url, { method: 'POST', body: BLOB })).status, 201);
    }
    const redirected = await fetch(`${server.url}/v2/public/app/blobs/${DIGEST}`, { redirect: 'manual' });
    assert.equal(redirected.status, 307);
    const location = redirected.headers.get('location') ?? '';
    const signature = new URL(location).searchParams.get('temp_url_sig') ?? '';
    assert.match(signature, /^[0-9a-f]{64}$/);
    assert.deepEqual(Buffer.from(await (await fetch(location)).arrayBuffer()), BLOB);
    const proxied = await fetch(`${server.url}/v2/private/blobs/${DIGEST}`, { redirect: 'manual' });
    assert.deepEqual(Buffer.from(await proxied.arrayBuffer()), BLOB);
    await until('the requests are logged', () => words('request') >= 4);
    assert.ok(!JSON.stringify(server.log).includes(signature));
  });
});
