import { rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { GiB } from '../scenario.js';
import type { BenchStorage, Place, Scale, ServiceSeconds } from './bench-storage.js';

const neededDisk = 12 * GiB;

/** Two directories of one disk. */
export class FilesystemStorage implements BenchStorage {
  readonly title = 'filesystem';
  readonly scale: Scale;

  private constructor(quick: boolean) {
    this.scale = {
      repositories: quick ? 20 : 100,
      manifestsPerRepository: 10,
      tags: quick ? 200 : 1000,
      catalogRepositories: quick ? 200 : 1000,
    };
  }

  static async open(directory: string, quick: boolean): Promise<FilesystemStorage> {
    const { bavail, bsize } = await statfs(directory);
    if (bavail * bsize < neededDisk)
      throw new Error(`${directory} has less than ${neededDisk / GiB} GiB free`);
    return new FilesystemStorage(quick);
  }

  ours({ dataDirectory }: Place): Readonly<Record<string, string>> {
    return { STACKYARD_STORAGE_DRIVER: 'filesystem', STACKYARD_STORAGE_FILESYSTEM_ROOT: dataDirectory };
  }

  peer({ dataDirectory }: Place): Readonly<Record<string, object>> {
    return {
      storage: {
        cache: { blobdescriptor: 'inmemory' },
        filesystem: { rootdirectory: dataDirectory },
        delete: { enabled: true },
      },
      health: { storagedriver: { enabled: true, interval: '10s', threshold: 3 } },
    };
  }

  async cpuSeconds(): Promise<ServiceSeconds> {
    return {};
  }

  /**
   * Off the disk, so that a long run needs little space and writes nothing back later. Both servers keep
   * distribution's layout (PROTOCOL.md §5).
   */
  async discard(dataDirectory: string, repository: string, digests: readonly string[]): Promise<void> {
    const root = join(dataDirectory, 'docker/registry/v2');
    await rm(join(root, 'repositories', repository), { recursive: true, force: true });
    for (const digest of digests) {
      const hex = digest.slice(digest.indexOf(':') + 1);
      await rm(join(root, 'blobs/sha256', hex.slice(0, 2), hex), { recursive: true, force: true });
    }
  }

  /** The directories are the bench's, which removes them. */
  async close(): Promise<void> {}
}
