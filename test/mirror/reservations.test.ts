import assert from 'node:assert/strict';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { Reservations } from '../../src/mirror/reservations.js';
import { checked } from '../../src/storage/checked.js';
import { openStore } from '../support/in-process.js';
import type { TestStore } from '../support/in-process.js';
import { NAME, TestUpstream, openMirror, pull, referenceTo } from './mirror-world.js';
import type { MirrorNode } from './mirror-world.js';

describe('mirror/reservations', () => {
  let store: TestStore;
  let upstream: TestUpstream;
  const nodes: MirrorNode[] = [];

  beforeEach(async () => {
    store = await openStore('memory');
    upstream = await TestUpstream.start();
  });
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map(({ mirror }) => mirror.close()));
    await upstream.stop();
    await store.remove();
  });

  const open = (): MirrorNode => {
    const node = openMirror(checked(store.driver()), upstream);
    nodes.push(node);
    return node;
  };
  const reservations = (): Reservations => new Reservations(checked(store.driver()));

  it('lets nobody push what an upstream has claimed, on any node and for good', async () => {
    const [one, other] = [reservations(), reservations()];
    await one.requireOwn(NAME);
    await one.claim('up');
    await one.claim('up');
    for (const each of [one, other, reservations()]) {
      await assert.rejects(each.requireOwn(NAME), {
        code: 'UNSUPPORTED',
        status: 405,
        message: /mirror\/up\//,
      });
      for (const own of ['mirror/upper/x', 'mirror/own/x', 'team/mirror/up/x', 'mirror/up'])
        await each.requireOwn(own);
      assert.deepEqual(await each.list(), ['up']);
    }
  });

  it('claims nothing that holds what somebody pushed', async () => {
    const node = open();
    const manifest = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [],
    };
    const bytes = Buffer.from(JSON.stringify({ ...manifest, annotations: { by: 'somebody' } }));
    await node.registry.manifests.put(NAME, { bytes, tags: ['v1' as never] });
    upstream.manifest(manifest, 'v1');
    for (let i = 0; i < 2; i += 1)
      await assert.rejects(node.mirror.registry.manifests.get(NAME, referenceTo('v1')), {
        code: 'UNAVAILABLE',
        message: /mirror\/up\/ holds what was pushed there/,
      });
    assert.deepEqual(upstream.asked, []);
    assert.deepEqual(await reservations().list(), []);
    await reservations().requireOwn(NAME);
    const own = parseRepositoryName('mirror/own/app');
    await node.registry.manifests.put(own, { bytes, tags: ['v1' as never] });
    assert.ok((await node.mirror.registry.manifests.get(own, referenceTo('v1'))).bytes.equals(bytes));
  });

  it('is claimed before the first content of an upstream is taken', async () => {
    const node = open();
    const digest = upstream.blob(Buffer.from('content'));
    await pull(node, digest);
    assert.deepEqual(await reservations().list(), ['up']);
    await pull(open(), digest);
    assert.equal(upstream.asked.length, 1);
  });
});
