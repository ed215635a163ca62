import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 20;

/** Waits until `look` answers something, asking again and again; fails, naming `what`, when time is up. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  ms = 15_000,
): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`within ${ms} ms it did not happen: ${what}`);
    await delay(POLL_MS);
  }
}

/** The promise's value; fails, naming `what`, when time is up. */
export async function within<T>(what: string, ms: number, promise: Promise<T>): Promise<T> {
  const over = new AbortController();
  const late = delay(ms, undefined, { signal: over.signal }).then(() => {
    throw new Error(`within ${ms} ms it did not happen: ${what}`);
  });
  late.catch(() => undefined); // the promise was faster
  try {
    return await Promise.race([promise, late]);
  } finally {
    over.abort();
  }
}
