import fs from 'node:fs';
import { dirname } from 'node:path';
import type { ObjectStat } from '../../src/ports/storage-driver.js';
import { BatchedWriter } from './batched-writer.js';
import { place, syncDirectories, intoDirectory } from './directories.js';
import { fsync, open, unlink } from './disk.js';
import { statOf } from './file-reading.js';

/**
 * A file that nobody sees until it is whole and durable. Exactly one of `publish` and `discard` ends it; a
 * process killed before leaves it to the purge. Errors are the operating system's.
 */
export class TempFile {
  private readonly writer: BatchedWriter;
  private open = true;

  private constructor(
    private readonly path: string,
    private readonly fd: number,
  ) {
    this.writer = new BatchedWriter(fd);
  }

  /** `isPrivate`: no other user of the machine may read it, whatever the umask. */
  static async create(path: string, isPrivate = false): Promise<TempFile> {
    const changed = new Set<string>();
    const mode = isPrivate ? 0o600 : 0o666;
    const fd = await intoDirectory(dirname(path), changed, () => open(path, 'wx', mode));
    await syncDirectories(changed);
    return new TempFile(path, fd);
  }

  get bytes(): number {
    return this.writer.bytes;
  }

  /** See BatchedWriter. */
  add(chunk: Uint8Array): Promise<void> | undefined {
    return this.writer.add(chunk);
  }

  /** Gives the file its name. Undefined: the name is taken (never with `replace`), nothing is left. */
  async publish(target: string, options: { replace: boolean }): Promise<ObjectStat | undefined> {
    await this.writer.finish();
    await fsync(this.fd);
    const stat = statOf(fs.fstatSync(this.fd), target);
    this.close();
    const outcome = await place(this.path, target, options.replace);
    if (outcome === 'gone') throw new Error('the temporary file was removed while it was written');
    if (!options.replace) await unlink(this.path);
    return outcome === 'placed' ? stat : undefined;
  }

  /** Leaves nothing. */
  async discard(): Promise<void> {
    await this.writer.settle();
    this.close();
    await unlink(this.path);
  }

  private close(): void {
    if (!this.open) return;
    this.open = false;
    fs.closeSync(this.fd);
  }
}
