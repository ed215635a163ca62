import { createWriteStream } from 'node:fs';
import { lstat, mkdtemp, realpath, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { CommandContext } from './command-context.js';
import { UsageError } from './exit.js';
import { watched } from './progress.js';

type Bytes = AsyncIterable<Uint8Array>;

interface Download {
  readonly size?: number | undefined;
  readonly body: Readable;
}

/** Where a download goes. A file is there only when it is whole; what has no contents of its own is written as it is. */
type Target =
  | { readonly kind: 'output' }
  | { readonly kind: 'file'; readonly path: string; readonly mode: number }
  | { readonly kind: 'device'; readonly path: string };

const PERMISSIONS = 0o777;
const NEW_FILE = 0o666;

/**
 * Asks for a download and writes it to the file, or for `-` to the standard output. What cannot be written to is told
 * before anything is asked for. @throws UsageError
 */
export async function writeDownload(
  context: CommandContext,
  what: string,
  download: () => Promise<Download>,
  output: string,
): Promise<void> {
  const target = await targetOf(output);
  const { size, body } = await download();
  const bytes = watched(context, what, body, size);
  try {
    if (target.kind === 'output') await pipe(bytes, context.stdout.stream());
    else if (target.kind === 'device') await pipeline(bytes, createWriteStream(target.path));
    else await context.interruptible((signal) => writeWhole(target, bytes, signal));
  } finally {
    body.destroy();
    context.progress?.('');
  }
}

/** @throws UsageError */
async function targetOf(output: string): Promise<Target> {
  if (output === '-') return { kind: 'output' };
  try {
    const found = await stat(output);
    if (found.isDirectory()) throw new UsageError(`${output} is a directory; give the name of a file in it`);
    if (!found.isFile()) return { kind: 'device', path: output };
    return { kind: 'file', path: await realpath(output), mode: found.mode & PERMISSIONS };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof UsageError) throw error;
    if (code !== 'ENOENT') throw new UsageError(`${output} cannot be written (${code}); give another file`);
  }
  if (await isThere(output))
    throw new UsageError(`${output} is a link that leads nowhere; give another file`);
  return { kind: 'file', path: output, mode: NEW_FILE };
}

function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/** A reader such as `head` that has seen enough is no failure. */
async function pipe(bytes: Bytes, output: Writable): Promise<void> {
  await pipeline(bytes, output, { end: false }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

/** Beside the file, in a new directory of our own: nobody else can have put anything there. */
async function writeWhole(
  { path, mode }: { readonly path: string; readonly mode: number },
  bytes: Bytes,
  signal: AbortSignal,
): Promise<void> {
  const directory = await mkdtemp(`${path}.`);
  try {
    const part = join(directory, 'part');
    const file = createWriteStream(part, { flags: 'wx', mode, flush: true });
    // A source that gives nothing more does not end either: it is not waited for.
    await Promise.race([pipeline(bytes, file, { signal }), abortOf(signal)]);
    await rename(part, path);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
