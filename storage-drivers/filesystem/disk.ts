import fs from 'node:fs';
import { promisify } from 'node:util';

/** The callbacks of node:fs as promises: plain descriptors, at two thirds of the CPU of FileHandle. */
export const open = promisify(fs.open);
export const fsync = promisify(fs.fsync);
export const link = promisify(fs.link);
export const rename = promisify(fs.rename);
export const rmdir = promisify(fs.rmdir);
export const stat = promisify(fs.stat);
export const utimes = promisify(fs.utimes);
export const ftruncate = promisify(fs.ftruncate);
export const copyFile = promisify(fs.copyFile);
export const readdir = promisify(fs.readdir);

const unlinkFile = promisify(fs.unlink);

/** Idempotent. */
export async function unlink(path: string): Promise<void> {
  try {
    await unlinkFile(path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}

/** Writes all chunks, in order, from `position` on. */
export async function writeAll(fd: number, chunks: readonly Uint8Array[], position: number): Promise<void> {
  let rest = chunks.filter((chunk) => chunk.length > 0);
  let offset = position;
  while (rest.length > 0) {
    const written = await writev(fd, rest, offset);
    offset += written;
    rest = after(rest, written);
  }
}

function writev(fd: number, chunks: readonly Uint8Array[], position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.writev(fd, chunks, position, (error, written) => {
      if (error === null) resolve(written);
      else reject(error);
    });
  });
}

function after(chunks: readonly Uint8Array[], written: number): Uint8Array[] {
  let skip = written;
  const rest: Uint8Array[] = [];
  for (const chunk of chunks) {
    if (skip < chunk.length) rest.push(chunk.subarray(skip));
    skip = Math.max(0, skip - chunk.length);
  }
  return rest;
}
