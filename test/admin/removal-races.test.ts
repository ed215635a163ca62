import assert from 'node:assert/strict';
import { parseTag } from '../../src/domain/reference.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import type { RepositoryName } from '../../src/domain/repository-name.js';
import { RegistryError } from '../../src/errors/registry-error.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { digestOf } from '../../src/registry/digester.js';
import { withFaults } from '../registry/faulty.js';
import {
  EMPTY_JSON,
  blobDescriptor,
  bytesOf,
  descriptorOf,
  imageOf,
  indexOf,
  jsonContent,
} from '../http/content.js';
import type { Content } from '../http/content.js';
import { inProcessBus, openStore } from '../support/in-process.js';
import type { TestStore } from '../support/in-process.js';
import { ImageWorld, byDigest } from './image-world.js';

const LAYER = bytesOf(1000);
const OTHER_LAYER = bytesOf(300, 2);
const OLD_BLOBS = [EMPTY_JSON, LAYER];
/** What is there. */
const IMAGE = imageOf([LAYER]);
const REFERRER = imageOf([LAYER, OTHER_LAYER], { subject: descriptorOf(IMAGE) });
const UNTYPED = jsonContent('application/vnd.example.thing+json', {
  schemaVersion: 2,
  layers: [blobDescriptor(LAYER)],
});

interface Pushed {
  readonly content: Content;
  readonly blobs: readonly Buffer[];
}

const PUSHES: Readonly<Record<string, Pushed>> = {
  'a new image that belongs to another': { content: REFERRER, blobs: [...OLD_BLOBS, OTHER_LAYER] },
  'one whose body does not tell its type': { content: UNTYPED, blobs: [LAYER] },
  'what is there already': { content: IMAGE, blobs: OLD_BLOBS },
};
const METHODS = ['stat', 'get', 'read', 'put', 'list', 'delete', 'deleteMany'] as const;

/** Runs something whole before the request of this number that others make. */
class Interruption {
  private requests = 0;
  private at = Infinity;
  private between: () => Promise<unknown> = () => Promise.resolve();
  private isRunning = false;

  /** Answers whether `work` made so many requests that something came between. */
  async during(work: () => Promise<unknown>, at: number, between: () => Promise<unknown>): Promise<boolean> {
    this.requests = 0;
    this.at = at;
    this.between = between;
    await work();
    return this.requests > at;
  }

  over(driver: StorageDriver): StorageDriver {
    const step =
      (method: (typeof METHODS)[number]) =>
      async (...call: never[]): Promise<unknown> => {
        if (!this.isRunning && this.requests++ === this.at) {
          this.isRunning = true;
          await this.between().finally(() => (this.isRunning = false));
        }
        return (driver[method] as (...args: never[]) => Promise<unknown>)(...call);
      };
    return withFaults(driver, Object.fromEntries(METHODS.map((method) => [method, step(method)])));
  }
}

/** As clients push: they ask for each blob first; once more from the beginning where they are told to. */
async function push(
  world: ImageWorld,
  name: RepositoryName,
  { content, blobs }: Pushed,
  tags: readonly string[],
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    for (const blob of blobs)
      if (!(await world.registry.blobs.has(name, digestOf(blob)))) await world.pushBlob(name, blob);
    try {
      await world.push(name, content, { tags });
      return;
    } catch (error) {
      const isAnswered = error instanceof RegistryError && [400, 503].includes(error.status);
      if (!isAnswered || attempt === 3) throw error;
    }
  }
}

/** What a process sees of the pushed image that has seen nothing of the repository before. */
async function outcome(
  fresh: ImageWorld,
  name: RepositoryName,
  { content, blobs }: Pushed,
): Promise<'gone' | 'whole' | 'untagged'> {
  const { registry } = fresh;
  const current = await registry.tags.describe(name, parseTag('new'));
  const digest = digestOf(content.bytes);
  if (!(await registry.manifests.has(name, digest))) {
    assert.equal(current, undefined, 'a tag leads nowhere');
    return 'gone';
  }
  const stored = await registry.manifests.get(name, byDigest(digest.toString()));
  assert.equal(stored.mediaType, content.mediaType);
  for (const blob of blobs)
    assert.ok(await registry.blobs.has(name, digestOf(blob)), 'a manifest without its blobs');
  if (content === REFERRER) {
    const { items } = await fresh.repositories.referrers(name, digestOf(IMAGE.bytes), { limit: 10 });
    assert.deepEqual(
      items.map((each) => each.digest),
      [content.digest],
    );
  }
  assert.deepEqual(await fresh.names(name), [name], 'a repository that nobody sees');
  return current === undefined ? 'untagged' : 'whole';
}

describe('a push beside a removal', function () {
  this.timeout(60_000);
  let store: TestStore;
  let fresh: ImageWorld;
  let interruption: Interruption;
  beforeEach(async () => {
    store = await openStore('memory');
    fresh = new ImageWorld(store);
    interruption = new Interruption();
  });
  afterEach(() => store.remove());

  /** Two workers, the first of which can be interrupted; or one that is both. */
  function workers(number: 1 | 2): readonly [ImageWorld, ImageWorld] {
    const [here, there] = inProcessBus(2);
    assert.ok(here && there);
    const first = new ImageWorld(store, {
      seen: (driver) => interruption.over(driver),
      invalidations: here,
    });
    return [first, number === 1 ? first : new ImageWorld(store, { invalidations: there })];
  }

  /** What comes of each place at which something may come between; each in a repository of its own. */
  async function outcomes(
    by: readonly ImageWorld[],
    pushed: Pushed,
    work: (name: RepositoryName) => Promise<unknown>,
    between: (name: RepositoryName) => Promise<unknown>,
  ): Promise<readonly string[]> {
    const seen = new Set<string>();
    for (let at = 0; ; at++) {
      const name = parseRepositoryName(`at-${at}/a`);
      for (const world of by) await push(world, name, { content: IMAGE, blobs: OLD_BLOBS }, ['old', 'older']);
      const isBetween = await interruption.during(
        () => work(name),
        at,
        () => between(name),
      );
      if (!isBetween) break;
      seen.add(await outcome(fresh, name, pushed));
    }
    return [...seen].sort();
  }

  for (const [what, pushed] of Object.entries(PUSHES)) {
    for (const number of [1, 2] as const) {
      const where = number === 1 ? 'by the same worker' : 'by another worker';

      it(`stays whole or goes whole where it comes between: ${what}, ${where}`, async () => {
        const [remover, pusher] = workers(number);
        const found = await outcomes(
          [remover, pusher],
          pushed,
          (name) => remover.repositories.remove(name),
          (name) => push(pusher, name, pushed, ['new']),
        );
        assert.deepEqual(found, ['gone', 'whole']);
      });

      it(`is answered only for what stays where the removal comes between: ${what}, ${where}`, async () => {
        const [pusher, remover] = workers(number);
        const found = await outcomes(
          [pusher, remover],
          pushed,
          (name) => push(pusher, name, pushed, ['new']),
          (name) => remover.repositories.remove(name),
        );
        assert.deepEqual(found, ['whole']);
      });
    }
  }

  for (const content of [
    jsonContent('application/vnd.example.thing+json', { schemaVersion: 2 }),
    indexOf([]),
  ]) {
    it(`stays whole where the removal finds no manifest yet: ${content.mediaType}`, async () => {
      const name = parseRepositoryName('new/a');
      const seen = new Set<string>();
      const [pusher, remover] = workers(2);
      for (let at = 0; ; at++) {
        const isBetween = await interruption.during(
          () => pusher.push(name, content, { tags: ['new'] }),
          at,
          () => remover.repositories.remove(name).catch(unknownName),
        );
        if (!isBetween) break;
        const { repositories } = new ImageWorld(store);
        seen.add((await repositories.manifest(name, byDigest(content.digest))).mediaType);
        assert.deepEqual(await fresh.names(name), [name]);
        await remover.repositories.remove(name);
      }
      assert.deepEqual([...seen], [content.mediaType]);
    });
  }
});

function unknownName(error: unknown): void {
  assert.equal((error as RegistryError).code, 'NAME_UNKNOWN');
}
