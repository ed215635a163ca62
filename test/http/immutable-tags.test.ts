import assert from 'node:assert/strict';
import { TagPattern } from '../../src/domain/tag-pattern.js';
import { onEveryStore, RegistryNode } from '../support/in-process.js';
import { Client } from './client.js';
import { withFaults } from '../registry/faulty.js';
import { EMPTY_JSON, bytesOf, contentOf, imageOf } from './content.js';

const LAYERS = [bytesOf(100), bytesOf(100, 2)] as const;

onEveryStore('immutable tags', (bench) => {
  const first = imageOf([LAYERS[0]]);
  const second = imageOf([LAYERS[1]]);
  let node: RegistryNode;
  let client: Client;

  beforeEach(async () => {
    node = await RegistryNode.start(bench().store, { immutableTags: [TagPattern.parse('a:v*')] });
    client = new Client(node);
    for (const blob of [EMPTY_JSON, ...LAYERS]) await client.pushBlob('a', blob);
    (await client.putManifest('a', 'v1', first)).expect(201);
  });
  afterEach(() => node.close());

  async function pointsAtFirst(): Promise<void> {
    assert.equal((await client.get('/v2/a/manifests/v1')).header('docker-content-digest'), first.digest);
  }

  it('can be pushed again as they are', async () => {
    (await client.putManifest('a', 'v1', first)).expect(201);
    await pointsAtFirst();
  });

  it('are not moved, and nothing of the push is kept', async () => {
    const answer = (await client.putManifest('a', 'v1', second)).expectError(403, 'DENIED');
    assert.match(answer.body.toString(), /v1 is immutable/);
    await pointsAtFirst();
    (await client.get(`/v2/a/manifests/${second.digest}`)).expect(404);
    (await client.putManifest('a', `${second.digest}?tag=other&tag=v1`, second)).expectError(403, 'DENIED');
    (await client.get('/v2/a/manifests/other')).expect(404);
  });

  it('are not deleted, by name or with their manifest', async () => {
    (await client.call('DELETE', '/v2/a/manifests/v1')).expectError(403, 'DENIED');
    (await client.call('DELETE', `/v2/a/manifests/${first.digest}`)).expectError(403, 'DENIED');
    await pointsAtFirst();
  });

  it('leave all other tags alone', async () => {
    for (const image of [first, second]) (await client.putManifest('a', 'latest', image)).expect(201);
    (await client.call('DELETE', `/v2/a/manifests/${second.digest}`)).expect(202);
    (await client.get('/v2/a/manifests/latest')).expect(404);
  });

  it('keep the type of a manifest whose body tells none', async () => {
    const body = { ...(JSON.parse(first.bytes.toString()) as object), mediaType: undefined };
    const untold = contentOf(first.mediaType, Buffer.from(JSON.stringify(body)));
    (await client.putManifest('a', 'v3', untold)).expect(201);
    const other = { ...untold, mediaType: 'application/vnd.docker.distribution.manifest.v2+json' };
    (await client.putManifest('a', untold.digest, other)).expectError(403, 'DENIED');
    const { headers } = (await client.get('/v2/a/manifests/v3')).expect(200);
    assert.equal(headers['content-type'], first.mediaType);
  });

  it('keep their manifests from another node, to which the listing does not tell them yet', async () => {
    const driver = bench().store.driver();
    const lagging = withFaults(driver, { list: async () => ({ objects: [], prefixes: [] }) });
    const other = await RegistryNode.start(bench().store, {
      immutableTags: [TagPattern.parse('a:v*')],
      driver: lagging,
    });
    try {
      const answer = await new Client(other).call('DELETE', `/v2/a/manifests/${first.digest}`);
      answer.expectError(403, 'DENIED');
    } finally {
      await other.close();
    }
    await pointsAtFirst();
  });

  it('hold, once they are acknowledged, though their manifest is being deleted', async () => {
    for (let round = 0; round < 20; round += 1) {
      (await client.putManifest('a', second.digest, second)).expect(201);
      const [put] = await Promise.all([
        client.putManifest('a', `v4-${round}`, second),
        client.call('DELETE', `/v2/a/manifests/${second.digest}`),
      ]);
      if (put.status === 201) (await client.get(`/v2/a/manifests/v4-${round}`)).expect(200);
      if (put.status === 201) (await client.get(`/v2/a/manifests/${second.digest}`)).expect(200);
    }
  });

  it('of two pushes at once one wins, and the other is told', async () => {
    const [one, other] = await Promise.all([
      client.putManifest('a', 'v2', first),
      client.putManifest('a', 'v2', second),
    ]);
    assert.deepEqual([one.status, other.status].sort(), [201, 403]);
    const winner = one.status === 201 ? first : second;
    assert.equal((await client.get('/v2/a/manifests/v2')).header('docker-content-digest'), winner.digest);
  });
});
