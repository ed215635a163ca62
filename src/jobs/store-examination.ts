import { setTimeout as delay } from 'node:timers/promises';
import { DISTRIBUTION_PREFIX, doctorKey } from '../domain/keys.js';
import type { Key } from '../domain/keys.js';
import type { Clock } from '../ports/clock.js';
import { known, type Check } from '../ports/examination.js';
import { failure, ok, warning, type Verdict } from '../ports/finding.js';
import type { Ids } from '../ports/ids.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { readFormat } from '../registry/store-format.js';
import type { StoreFormat } from '../registry/store-format.js';

/** What the checks of every driver's store need. */
export interface ExaminedStore {
  /** Undefined where opening the store would make it, or is refused. */
  readonly driver: StorageDriver | undefined;
  readonly clock: Clock;
  readonly ids: Ids;
  /** storage.shared, where it is given. */
  readonly shared: boolean | undefined;
}

const ADOPT = 'once the other registry has stopped for good: stackyard adopt --finish';

/** Whose data the store holds, and whether a write comes back. Nothing stays behind. */
export const STORE_CHECKS: readonly Check<ExaminedStore>[] = [
  { name: 'format', run: checkFormat, fix: 'start a release of stackyard that reads it, or restore it' },
  {
    name: 'write',
    run: checkWrite,
    fix: 'give this user the right to write, read, list and delete in the store',
  },
];

async function checkFormat(store: ExaminedStore): Promise<Verdict> {
  const driver = driverOf(store);
  const format = await readFormat(driver);
  const isForeign = format === undefined && (await holdsDistribution(driver));
  const shared = format?.shared ?? isForeign;
  if (shared && store.shared === false) {
    return failure(
      'storage.shared is false, but another registry may have written to the store',
      `${ADOPT}; leave the key out`,
    );
  }
  const found = describe(format, isForeign);
  return shared ? warning(`${found}; another registry may still write to it`, ADOPT) : ok(found);
}

function describe(format: StoreFormat | undefined, isForeign: boolean): string {
  if (format !== undefined) return `version ${format.version}, begun by ${format.origin}`;
  return isForeign ? "another registry's data, opened in place" : 'none yet: the first start writes it';
}

async function holdsDistribution(driver: StorageDriver): Promise<boolean> {
  return (await driver.list({ prefix: DISTRIBUTION_PREFIX, limit: 1 })).objects.length > 0;
}

async function checkWrite(store: ExaminedStore): Promise<Verdict> {
  const driver = driverOf(store);
  const key = doctorKey(store.ids.unique());
  try {
    return await writeAndRead(driver, key, store.clock);
  } catch (error) {
    await driver.delete(key).catch(() => undefined); // the error at hand is the one to tell
    throw error;
  }
}

/** Seconds after which a store that can removes what a killed doctor left. */
const LIFE = 3600;

async function writeAndRead(driver: StorageDriver, key: Key, clock: Clock): Promise<Verdict> {
  const steps: string[] = [];
  const timed = async <T>(what: string, step: () => Promise<T>): Promise<T> => {
    const began = clock.now();
    const result = await step();
    steps.push(`${what} ${clock.now() - began} ms`);
    return result;
  };
  const bytes = Buffer.from(key);
  await timed('put', () => driver.put(key, bytes, { expiresAfter: LIFE }));
  const read = await timed('get', () => driver.read(key, { fresh: true }));
  if (!read.equals(bytes)) throw new Error('what was read is not what was written');
  const isListed = await timed('listed', () => becomesListed(driver, key));
  await timed('delete', () => driver.delete(key));
  await requireGone(driver, key);
  return isListed
    ? ok(steps.join(', '))
    : warning(
        `the listing does not show what was written (${steps.join(', ')})`,
        'nothing to do if it is rare: tags and the catalog show late; else look after the container servers',
      );
}

const LOOKS = 10;
/** Milliseconds. */
const PAUSE = 200;

async function becomesListed(driver: StorageDriver, key: Key): Promise<boolean> {
  for (let look = 1; look <= LOOKS; look++) {
    const { objects } = await driver.list({ prefix: key, limit: 1 });
    if (objects.some((object) => object.key === key)) return true;
    if (look < LOOKS) await delay(PAUSE);
  }
  return false;
}

async function requireGone(driver: StorageDriver, key: Key): Promise<void> {
  try {
    await driver.read(key, { fresh: true });
  } catch (error) {
    if (isStorageError(error, 'NOT_FOUND')) return;
    throw error;
  }
  throw new Error('what was deleted can still be read');
}

function driverOf({ driver }: ExaminedStore): StorageDriver {
  return known(driver, 'the store cannot be opened yet');
}
