import type { Digest } from '../domain/digest.js';
import { BLOBS_PREFIX, blobDigestOfKey } from '../domain/keys.js';
import type { Key } from '../domain/keys.js';
import type { ObjectFacts, ObjectForm } from '../ports/legacy-objects.js';
import { isStorageError } from '../ports/storage-driver.js';
import type { ListedObject, StorageDriver } from '../ports/storage-driver.js';

const PAGE = 1000;
const AT_ONCE = 4;

export interface Amount {
  readonly count: number;
  readonly bytes: number;
}

/** How many blobs a store has of each form. */
export type BlobForms = Readonly<Record<ObjectForm, Amount>>;

export const NOTHING: Amount = { count: 0, bytes: 0 };
export const NO_BLOBS: BlobForms = { plain: NOTHING, large: NOTHING, legacy: NOTHING };

export function plus({ count, bytes }: Amount, size: number): Amount {
  return { count: count + 1, bytes: bytes + size };
}

export interface StoredBlob {
  readonly key: Key;
  readonly digest: Digest;
  /** Of the listing, which does not know the size of every object. */
  readonly listedSize: number;
}

/** Every blob that a listing shows, some of them at once. */
export async function eachBlob(
  driver: StorageDriver,
  work: (blob: StoredBlob) => Promise<void>,
): Promise<void> {
  await someAtOnce(blobsOf(driver), work);
}

/** Undefined for a blob that is gone by now. */
export async function inspectBlob(
  { legacy }: StorageDriver,
  { key, listedSize }: StoredBlob,
): Promise<ObjectFacts | undefined> {
  if (legacy === undefined) return { form: 'plain', size: listedSize };
  try {
    return await legacy.inspect(key);
  } catch (error) {
    if (isStorageError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

export async function countBlobs(driver: StorageDriver): Promise<BlobForms> {
  const forms = { ...NO_BLOBS };
  await eachBlob(driver, async (blob) => {
    const facts = await inspectBlob(driver, blob);
    if (facts !== undefined) forms[facts.form] = plus(forms[facts.form], facts.size);
  });
  return forms;
}

/** Ends with the first failure of `work`. */
export async function someAtOnce<T>(
  items: AsyncIterable<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.asyncIterator]();
  let failed = false;
  const workOff = async (): Promise<void> => {
    while (!failed) {
      const step = await iterator.next();
      if (step.done === true) return;
      await work(step.value);
    }
  };
  const stop = (error: unknown): never => {
    failed = true;
    throw error;
  };
  await Promise.all(Array.from({ length: AT_ONCE }, () => workOff().catch(stop)));
}

async function* blobsOf(driver: StorageDriver): AsyncGenerator<StoredBlob> {
  for await (const { key, size } of listed(driver)) {
    const digest = blobDigestOfKey(key);
    if (digest !== undefined) yield { key, digest, listedSize: size };
  }
}

async function* listed(driver: StorageDriver): AsyncGenerator<ListedObject> {
  let startAfter: string | undefined;
  do {
    const page = await driver.list({
      prefix: BLOBS_PREFIX,
      limit: PAGE,
      ...(startAfter !== undefined && { startAfter }),
    });
    yield* page.objects;
    startAfter = page.next;
  } while (startAfter !== undefined);
}
