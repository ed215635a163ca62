import type { Readable } from 'node:stream';

/** Destroys the stream with the signal's reason when it aborts; holds on to neither once the stream closed. */
export function destroyOn(signal: AbortSignal | undefined, stream: Readable): void {
  if (signal === undefined) return;
  const abort = (): void => {
    const reason: unknown = signal.reason;
    stream.destroy(reason instanceof Error ? reason : new Error(String(reason)));
  };
  if (signal.aborted) {
    abort();
    return;
  }
  signal.addEventListener('abort', abort, { once: true });
  stream.once('close', () => signal.removeEventListener('abort', abort));
}
