import type { Options } from '../options.js';
import type { BenchStorage } from './bench-storage.js';
import { FilesystemStorage } from './filesystem-storage.js';
import { SwiftStorage } from './swift-storage.js';

/** What it needs for itself, it starts in the directory. */
export async function openStorage(options: Options, directory: string): Promise<BenchStorage> {
  return options.storage === 'swift'
    ? SwiftStorage.open(directory)
    : FilesystemStorage.open(directory, options.quick);
}
