import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { listedKey } from '../../src/domain/keys.js';
import type { Segment, StorageDriver } from '../../src/ports/storage-driver.js';
import { chunked, collect, randomFrom } from '../../storage-drivers/driver-suite/bodies.js';
import { CRASH_PREFIX, crashBytes, type Way } from './crash-writer.js';
import { filesystemFixture } from './filesystem-fixture.js';

const WRITER = fileURLToPath(new URL('crash-writer.js', import.meta.url));
const ROUNDS = 6;

interface Acknowledged {
  readonly done: Set<number>;
  readonly sessions: Map<number, readonly Segment[]>;
}

describe('filesystem driver: kill -9', function () {
  this.timeout(60_000);
  const random = randomFrom(Number(process.pid));

  for (const way of ['put', 'putVerified', 'append'] as const) {
    it(`loses nothing acknowledged and shows nothing partial: ${way}`, async () => {
      const fixture = await filesystemFixture();
      const { root, driver } = fixture;
      try {
        for (let round = 0; round < ROUNDS; round++) {
          const { done, sessions } = await killed(root, way, round * 100_000, 1 + random() * 60);
          assert.ok(done.size > 0);
          await checkObjects(driver, done);
          await checkSessions(driver, sessions, done);
        }
        await purge(driver, root);
        for (const key of await keysOf(driver)) await driver.delete(key);
        assert.deepEqual(await fixture.leftovers(), []);
      } finally {
        await fixture.destroy();
      }
    });
  }
});

/** Kills a writer some milliseconds after its first acknowledgement; answers all it acknowledged. */
async function killed(root: string, way: Way, seed: number, after: number): Promise<Acknowledged> {
  const child = spawn(process.execPath, [WRITER, root, way, String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const done = new Set<number>();
  const sessions = new Map<number, readonly Segment[]>();
  for await (const line of createInterface({ input: child.stdout })) {
    const [what, number, ...rest] = line.split(' ');
    if (what === 'session') sessions.set(Number(number), JSON.parse(rest.join(' ')) as readonly Segment[]);
    else if (done.add(Number(number)).size === 1) setTimeout(() => child.kill('SIGKILL'), after);
  }
  assert.deepEqual((await exited)[1], 'SIGKILL');
  return { done, sessions };
}

async function keysOf(driver: StorageDriver): Promise<ReturnType<typeof listedKey>[]> {
  const { objects, next } = await driver.list({ prefix: CRASH_PREFIX, limit: 100_000 });
  assert.equal(next, undefined);
  return objects.map(({ key }) => key);
}

async function checkObjects(driver: StorageDriver, done: ReadonlySet<number>): Promise<void> {
  const seen = new Set<number>();
  for (const key of await keysOf(driver)) {
    const seed = Number(key.split('/').at(-1));
    seen.add(seed);
    assert.ok((await driver.read(key)).equals(crashBytes(seed)), `${key} is not whole`);
  }
  for (const seed of done) assert.ok(seen.has(seed), `${seed} was acknowledged and is lost`);
}

/** A session that was cut off holds what was acknowledged and can be finished. */
async function checkSessions(
  driver: StorageDriver,
  sessions: ReadonlyMap<number, readonly Segment[]>,
  done: ReadonlySet<number>,
): Promise<void> {
  for (const [seed, recorded] of sessions) {
    const key = listedKey(`${CRASH_PREFIX}${seed % 13}/${seed}`);
    const committed = await driver.stat(key).then(
      () => true,
      () => false,
    );
    if (done.has(seed) || committed) continue;
    const bytes = crashBytes(seed);
    const set = `set-${seed}`;
    const half = Math.ceil(bytes.length / 2);
    assert.ok((await collect(driver.segments.read(set, recorded))).equals(bytes.subarray(0, half)));
    const all = await driver.segments.append(set, recorded, chunked(bytes.subarray(half)));
    await driver.segments.commit(set, all, key);
    assert.ok((await driver.read(key)).equals(bytes));
  }
}

async function purge(driver: StorageDriver, root: string): Promise<void> {
  const { sets } = await driver.segments.list({ limit: 10_000 });
  for (const { set } of sets) await driver.segments.remove(set);
  for (const directory of ['stackyard/tmp', 'stackyard/segments']) {
    const path = join(root, directory);
    assert.deepEqual(fs.existsSync(path) ? fs.readdirSync(path) : [], []);
  }
}
