import type { CommandContext } from './command-context.js';
import { readableBytes } from './output.js';

const EVERY_MILLISECONDS = 200;

/** The same bytes; whoever watches sees how many there were, of how many, and how fast they come. */
export async function* watched(
  { progress, now }: Pick<CommandContext, 'progress' | 'now'>,
  what: string,
  bytes: AsyncIterable<unknown>,
  size: number | undefined,
): AsyncGenerator<Uint8Array> {
  const start = progress === undefined ? 0 : now();
  let shownAt = start;
  let seen = 0;
  try {
    for await (const chunk of bytes) {
      seen += (chunk as Uint8Array).byteLength;
      if (progress !== undefined && now() - shownAt >= EVERY_MILLISECONDS) {
        shownAt = now();
        progress(`${what} ${amount(seen, size)}, ${readableBytes(rate(seen, shownAt - start))}/s`);
      }
      yield chunk as Uint8Array;
    }
    // The other side may still be at work with the last of them.
    progress?.(`${what} ${amount(seen, size)}, all sent`);
  } catch (error) {
    progress?.('');
    throw error;
  }
}

function amount(seen: number, size: number | undefined): string {
  if (size === undefined || size === 0) return readableBytes(seen);
  return `${readableBytes(seen)} of ${readableBytes(size)} (${Math.floor((100 * seen) / size)} %)`;
}

function rate(bytes: number, milliseconds: number): number {
  return (1000 * bytes) / milliseconds;
}
