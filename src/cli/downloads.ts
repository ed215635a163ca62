import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { CommandContext } from './command-context.js';
import { watched } from './progress.js';

/** Writes it to the file, which is there only when it is whole, or for `-` to the standard output. */
export async function writeDownload(
  context: CommandContext,
  what: string,
  { size, body }: { readonly size?: number | undefined; readonly body: Readable },
  output: string,
): Promise<void> {
  const bytes = watched(context, what, body, size);
  try {
    if (output === '-') await pipe(bytes, context.stdout.stream());
    else await writeWhole(output, bytes);
  } finally {
    body.destroy();
    context.progress?.('');
  }
}

/** A reader such as `head` that has seen enough is no failure. */
async function pipe(bytes: AsyncIterable<Uint8Array>, output: Writable): Promise<void> {
  await pipeline(bytes, output, { end: false }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

async function writeWhole(file: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const part = `${file}.part`;
  try {
    await pipeline(bytes, createWriteStream(part, { flush: true }));
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}
