import type { StorageDriver } from './storage-driver.js';

const PAGE = 1000;

/** Every object key and folded prefix of a listing, page after page; keys and prefixes each in order. */
export async function* listAll(
  driver: StorageDriver,
  options: { prefix: string; delimiter?: '/' },
): AsyncGenerator<string> {
  let startAfter: string | undefined;
  do {
    const listing = await driver.list({
      ...options,
      limit: PAGE,
      ...(startAfter !== undefined && { startAfter }),
    });
    for (const object of listing.objects) yield object.key;
    yield* listing.prefixes;
    startAfter = listing.next;
  } while (startAfter !== undefined);
}
