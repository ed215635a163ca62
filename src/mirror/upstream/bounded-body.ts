import type { Readable } from 'node:stream';

export interface BodyBounds {
  /** Bytes. */
  readonly limit: number;
  /** Milliseconds for all of it. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A small body; undefined, and its connection given up, where it is longer, breaks off or takes too long.
 * @throws the signal's reason
 */
export async function readBounded(
  body: Readable,
  { limit, timeout, signal }: BodyBounds,
): Promise<Buffer | undefined> {
  const giveUp = (): void => {
    body.destroy();
  };
  // It is destroyed at the limits, and an error nobody hears would end the process.
  body.on('error', () => undefined);
  const timer = setTimeout(giveUp, timeout);
  signal?.addEventListener('abort', giveUp, { once: true });
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    signal?.throwIfAborted();
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) return undefined;
      chunks.push(chunk);
    }
    return body.readableAborted ? undefined : Buffer.concat(chunks);
  } catch {
    signal?.throwIfAborted();
    return undefined;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
    body.destroy();
  }
}
