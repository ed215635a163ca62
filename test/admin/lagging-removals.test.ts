import assert from 'node:assert/strict';
import { layersPrefix, revisionsPrefix } from '../../src/domain/keys.js';
import { Digest } from '../../src/domain/digest.js';
import type { RegistryError } from '../../src/errors/registry-error.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { digestOf } from '../../src/registry/digester.js';
import { LaggingListings, withFaults } from '../registry/faulty.js';
import { EMPTY_JSON, bytesOf, descriptorOf, imageOf, indexOf } from '../http/content.js';
import { inProcessBus, openStore } from '../support/in-process.js';
import type { TestStore } from '../support/in-process.js';
import { A, ImageWorld } from './image-world.js';

const LAYER = bytesOf(1000);
const OLD = imageOf([LAYER]);
const CHILD = imageOf([LAYER], { annotations: { child: 'yes' } });
const INNER = indexOf([descriptorOf(CHILD)]);
const OUTER = indexOf([descriptorOf(INNER)]);

type Step = readonly [content: typeof OLD, tags: readonly string[]];
const PUSHES: Readonly<Record<string, readonly Step[]>> = {
  'an image': [[CHILD, ['new']]],
  'a manifest without a tag': [[CHILD, []]],
  'an index': [
    [CHILD, []],
    [INNER, ['new']],
  ],
  'an index of an index': [
    [CHILD, []],
    [INNER, []],
    [OUTER, ['new']],
  ],
  'a tag that was moved on': [
    [CHILD, ['new']],
    [OLD, ['new']],
  ],
};

describe('a push beside a removal where listings lag', () => {
  let store: TestStore;
  let lag: LaggingListings;
  let before: { readonly prefix: string; readonly run: () => Promise<void> } | undefined;
  beforeEach(async () => {
    store = await openStore('memory');
    lag = new LaggingListings(store.driver());
    before = undefined;
  });
  afterEach(() => store.remove());

  /** Runs `before` once, before the removal lists what begins so; not for its first look whether there is anything. */
  function interrupted(driver: StorageDriver): StorageDriver {
    return withFaults(driver, {
      list: async (options) => {
        const due = before;
        if (due !== undefined && due.prefix === options.prefix && options.limit > 1) {
          before = undefined;
          await due.run();
        }
        return driver.list(options);
      },
    });
  }

  function workers(number: 1 | 2): readonly [ImageWorld, ImageWorld] {
    const [here, there] = inProcessBus(2);
    assert.ok(here && there);
    const first = new ImageWorld(store, { seen: () => interrupted(lag.driver), invalidations: here });
    return [
      first,
      number === 1 ? first : new ImageWorld(store, { seen: () => lag.driver, invalidations: there }),
    ];
  }

  async function push(world: ImageWorld, steps: readonly Step[]): Promise<void> {
    for (const blob of [EMPTY_JSON, LAYER])
      if (!(await world.registry.blobs.has(A, digestOf(blob)))) await world.pushBlob(A, blob);
    for (const [content, tags] of steps) await world.push(A, content, { tags });
  }

  for (const [what, steps] of Object.entries(PUSHES)) {
    for (const number of [1, 2] as const) {
      if (number === 2 && what === 'a tag that was moved on') continue;
      const where = number === 1 ? 'by the same worker' : 'by another worker';

      it(`keeps what was answered after the manifests went: ${what}, ${where}`, async () => {
        const [remover, pusher] = workers(number);
        await push(pusher, [[OLD, ['old']]]);
        await lag.stop();
        before = { prefix: layersPrefix(A), run: () => push(pusher, steps) };
        await remover.repositories.remove(A);
        assert.equal(before, undefined);
        lag.catchUp();
        const { registry, names } = fresh();
        for (const [{ digest }] of steps) assert.ok(await registry.manifests.has(A, Digest.parse(digest)));
        for (const blob of [EMPTY_JSON, LAYER]) assert.ok(await registry.blobs.has(A, digestOf(blob)));
        assert.deepEqual(await names(), [A]);
      });
    }
  }

  function fresh(): { registry: ImageWorld['registry']; names: () => Promise<readonly string[]> } {
    const world = new ImageWorld(store);
    return { registry: world.registry, names: () => world.names() };
  }

  it('removes what was pushed before though no listing shows it', async () => {
    const [remover, pusher] = workers(2);
    await push(pusher, [[OLD, ['old']]]);
    await lag.stop();
    await push(pusher, PUSHES['an index of an index'] ?? []);
    await push(remover, [[CHILD, []]]);
    await remover.repositories.remove(A);
    lag.catchUp();
    const { registry, names } = fresh();
    for (const { digest } of [OLD, CHILD, INNER, OUTER])
      assert.equal(await registry.manifests.has(A, Digest.parse(digest)), false);
    assert.deepEqual(await names(), []);
  });

  it('leaves no index without its child: it goes too, or its push is told to come again', async () => {
    const [remover, pusher] = workers(1);
    await push(pusher, [
      [OLD, ['old']],
      [CHILD, []],
    ]);
    await lag.stop();
    before = { prefix: revisionsPrefix(A), run: () => push(pusher, [[INNER, ['new']]]) };
    await remover.repositories.remove(A);
    assert.equal(before, undefined);
    const { registry } = fresh();
    assert.equal(await registry.manifests.has(A, Digest.parse(INNER.digest)), false);
    assert.equal(await registry.tags.describe(A, 'new' as never), undefined);
  });

  it('answers 503 for an index whose child was deleted while it was put', async () => {
    const [world] = workers(1);
    await push(world, [[CHILD, []]]);
    const child = Digest.parse(CHILD.digest);
    const put = world.registry.tags.put.bind(world.registry.tags);
    world.registry.tags.put = async (...call) => {
      await world.registry.manifests.delete(A, child);
      await put(...call);
    };
    await assert.rejects(
      world.push(A, INNER, { tags: ['new'] }),
      (error: RegistryError) => error.code === 'UNAVAILABLE',
    );
  });
});
