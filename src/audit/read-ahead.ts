import type { ListedObject } from '../ports/storage-driver.js';

const MOST_AT_ONCE = 16;
/** Of objects that are being read or wait to be taken. */
const MOST_BYTES = 16 * 1024 * 1024;

/**
 * What `read` makes of each object, in their order, several being read at once within a bound of memory. Undefined is
 * left out. @throws what the list or `read` throws, when its turn comes
 */
export async function* readAhead<T>(
  objects: AsyncGenerator<ListedObject>,
  read: (object: ListedObject) => Promise<T | undefined>,
): AsyncGenerator<T> {
  const ahead: { readonly size: number; readonly result: Promise<T | undefined> }[] = [];
  let bytes = 0;
  const next = async (): Promise<T | undefined> => {
    const first = ahead.shift();
    bytes -= first?.size ?? 0;
    return first?.result;
  };
  for await (const object of objects) {
    while (ahead.length >= MOST_AT_ONCE || (ahead.length > 0 && bytes + object.size > MOST_BYTES)) {
      const value = await next();
      if (value !== undefined) yield value;
    }
    const result = read(object);
    // It is thrown when its turn comes, if that comes.
    result.catch(() => undefined);
    ahead.push({ size: object.size, result });
    bytes += object.size;
  }
  while (ahead.length > 0) {
    const value = await next();
    if (value !== undefined) yield value;
  }
}
