import fs from 'node:fs';
import { listedKey } from '../../src/domain/keys.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { bytesOf, chunked, digestOf } from '../../storage-drivers/driver-suite/bodies.js';
import { countingIds } from '../../storage-drivers/driver-suite/subject.js';
import { createFilesystemDriver } from '../../storage-drivers/filesystem/filesystem-driver.js';
import { testClock } from './memory-fixture.js';

/** Writes objects for ever, to be killed. Prints the seed of each one once it was acknowledged. */
export type Way = 'put' | 'putVerified' | 'append';

export const CRASH_PREFIX = 'docker/registry/v2/crash/';

/** The bytes of the object of this seed: their size is part of what a reader can check. */
export function crashBytes(seed: number): Buffer {
  return bytesOf(seed, 1 + ((seed * 7919) % 900_000));
}

async function write(driver: StorageDriver, way: Way, seed: number): Promise<void> {
  const bytes = crashBytes(seed);
  const key = listedKey(`${CRASH_PREFIX}${seed % 13}/${seed}`);
  if (way === 'put') await driver.put(key, bytes, { ifAbsent: seed % 2 === 0 });
  else if (way === 'putVerified') {
    await driver.putVerified(key, chunked(bytes), { digest: digestOf(bytes), size: bytes.length });
  } else {
    const half = Math.ceil(bytes.length / 2);
    const first = await driver.segments.append(`set-${seed}`, [], chunked(bytes.subarray(0, half)));
    fs.writeSync(1, `session ${seed} ${JSON.stringify(first)}\n`);
    const all = await driver.segments.append(`set-${seed}`, first, chunked(bytes.subarray(half)));
    await driver.segments.commit(`set-${seed}`, all, key);
  }
  fs.writeSync(1, `done ${seed}\n`);
}

async function writeForEver(root: string, way: Way, seed: number): Promise<void> {
  const driver = createFilesystemDriver({ root, clock: testClock, ids: countingIds(seed) });
  let next = seed;
  const writer = async (): Promise<void> => {
    for (;;) await write(driver, way, (next += 1));
  };
  await Promise.all([writer(), writer(), writer()]);
}

const [, script, root, way, seed] = process.argv;
if (script?.endsWith('crash-writer.js') === true && root !== undefined) {
  await writeForEver(root, way as Way, Number(seed));
}
