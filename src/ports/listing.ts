import type { StorageDriver } from './storage-driver.js';

const PAGE = 1000;

/** Every object key and folded prefix of a listing from the one after `startAfter`, page after page; keys and prefixes each in order. */
export async function* listAll(
  driver: StorageDriver,
  {
    startAfter: first,
    limit = PAGE,
    ...options
  }: { prefix: string; delimiter?: '/'; startAfter?: string; /** Of one page. */ limit?: number },
): AsyncGenerator<string> {
  let startAfter = first;
  do {
    const listing = await driver.list({
      ...options,
      limit,
      ...(startAfter !== undefined && { startAfter }),
    });
    for (const object of listing.objects) yield object.key;
    yield* listing.prefixes;
    startAfter = listing.next;
  } while (startAfter !== undefined);
}

/** What a sequence gives, a few at a time. */
export async function* inBatches<T>(items: AsyncIterable<T>, size = 64): AsyncGenerator<readonly T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
