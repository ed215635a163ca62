import type { OutgoingMessage } from 'node:http';
import type { Writable } from 'node:stream';

/** Something done to a body on its way; it may delay, change or end it. */
export type Stage = (chunks: AsyncIterable<Buffer>) => AsyncIterable<Buffer>;

/**
 * Writes all chunks and leaves `to` open. The next chunk is only asked for when the operating system has taken the one
 * before: that is the back-pressure, and a stage knows that what it gave is on the wire.
 */
export async function pump(chunks: AsyncIterable<Buffer>, to: Writable): Promise<void> {
  let fail: (error: Error) => void = () => undefined;
  const onClose = (): void =>
    fail(Object.assign(new Error('the connection is closed'), { code: 'ECONNRESET' }));
  to.once('close', onClose);
  try {
    for await (const chunk of chunks) {
      await new Promise<void>((resolve, reject) => {
        fail = reject;
        if (to.destroyed) onClose();
        else to.write(chunk, (error) => (error ? reject(error) : resolve()));
      });
    }
  } finally {
    to.off('close', onClose);
  }
}

/** Sends a head before its body comes, byte for byte; flushHeaders() would send it as UTF-8. */
export function sendHead(message: OutgoingMessage): void {
  message.write(Buffer.alloc(0));
}
