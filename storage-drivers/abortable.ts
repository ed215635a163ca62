/**
 * The same chunks, ended by the signal's reason as soon as it aborts, also while the source is stuck; the
 * source is then told to return and not waited for.
 */
export function abortable<T>(source: AsyncIterable<T>, signal: AbortSignal | undefined): AsyncIterable<T> {
  return signal === undefined ? source : endedBy(source, signal);
}

async function* endedBy<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void, void> {
  signal.throwIfAborted();
  const iterator = source[Symbol.asyncIterator]();
  let wake: () => void = () => undefined;
  const onAbort = (): void => wake();
  signal.addEventListener('abort', onAbort);
  let running = true;
  try {
    for (;;) {
      // One promise a chunk: racing against a promise that lives as long as the body would gather reactions.
      const next = await new Promise<IteratorResult<T> | undefined>((resolve, reject) => {
        wake = () => resolve(undefined);
        iterator.next().then(resolve, (error: Error) => {
          running = false;
          reject(error);
        });
      });
      signal.throwIfAborted();
      if (next === undefined || next.done === true) {
        running = false;
        return;
      }
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    if (running) await ended(iterator, signal);
  }
}

async function ended<T>(iterator: AsyncIterator<T>, signal: AbortSignal): Promise<void> {
  const returned = iterator.return?.();
  if (returned === undefined) return;
  if (!signal.aborted) {
    await returned;
    return;
  }
  // The abort is what the caller hears of; how the source takes it is the source's affair.
  returned.catch(() => undefined);
}
