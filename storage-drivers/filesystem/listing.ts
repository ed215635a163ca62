import type { Dirent } from 'node:fs';
import { compareKeys, sortKeys } from '../../src/domain/key-order.js';
import { listedKey } from '../../src/domain/keys.js';
import type { ListOptions, ListedObject, Listing } from '../../src/ports/storage-driver.js';
import { readEntries, stat } from './disk.js';
import { ifAbsent, isAbsent } from './errno.js';

/** Stats under way at once: what they cost together, without keeping the thread pool from others for long. */
const STATS = 32;

/**
 * One page of the tree below `root`. It descends only where a wanted key can be, so a page by delimiter costs one
 * readdir, and it looks at the inodes of the returned objects alone. Errors are the operating system's.
 */
export async function listDirectory(root: string, options: ListOptions): Promise<Listing> {
  const walk = new Walk(root, options);
  const entries: string[] = [];
  let more = false;
  for (;;) {
    const entry = await walk.next();
    if (entry === undefined) break;
    more = entries.length === options.limit;
    if (more) break;
    entries.push(entry);
  }
  const objects = await statAll(root, entries.filter(isObject), options.signal);
  const prefixes = entries.filter((entry) => !isObject(entry));
  const next = more ? entries.at(-1) : undefined;
  return next === undefined ? { objects, prefixes } : { objects, prefixes, next };
}

/** Goes through keys (and, with a delimiter, folded prefixes) in order. Directories are held ending in `/`. */
class Walk {
  private readonly levels: string[][] = [];
  private started = false;

  constructor(
    private readonly root: string,
    private readonly options: ListOptions,
  ) {}

  async next(): Promise<string | undefined> {
    const { prefix, delimiter, signal } = this.options;
    if (!this.started) {
      this.started = true;
      this.levels.push(await this.read(prefix.slice(0, prefix.lastIndexOf('/') + 1)));
    }
    for (;;) {
      signal?.throwIfAborted();
      const level = this.levels.at(-1);
      if (level === undefined) return undefined;
      const entry = level.pop();
      if (entry === undefined) this.levels.pop();
      else if (isObject(entry) || delimiter !== undefined) return entry;
      else this.levels.push(await this.read(entry));
    }
  }

  /** The wanted entries of a directory, the last first. */
  private async read(directory: string): Promise<string[]> {
    const entries: string[] = [];
    for (const entry of await contents(`${this.root}/${directory}`)) {
      const text = directory + entry;
      if (text.startsWith(this.options.prefix) && this.wanted(text)) entries.push(text);
    }
    return sortKeys(entries).reverse();
  }

  private wanted(entry: string): boolean {
    const { startAfter, delimiter } = this.options;
    if (startAfter === undefined || compareKeys(entry, startAfter) > 0) return true;
    return delimiter === undefined && !isObject(entry) && startAfter.startsWith(entry);
  }
}

function isObject(entry: string): boolean {
  return !entry.endsWith('/');
}

/** Names of files, and names of directories ending in `/`; nothing for a directory that is not there. */
async function contents(path: string): Promise<string[]> {
  let entries: Dirent[];
  try {
    entries = await readEntries(path);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
  const names: string[] = [];
  for (const entry of entries) {
    const kind = entry.isSymbolicLink() ? await stat(path + entry.name).catch(ifAbsent) : entry;
    if (kind?.isFile() === true) names.push(entry.name);
    else if (kind?.isDirectory() === true) names.push(`${entry.name}/`);
  }
  return names;
}

async function statAll(
  root: string,
  keys: readonly string[],
  signal: AbortSignal | undefined,
): Promise<ListedObject[]> {
  const objects: ListedObject[] = [];
  for (let i = 0; i < keys.length; i += STATS) {
    signal?.throwIfAborted();
    const stats = await Promise.all(
      keys
        .slice(i, i + STATS)
        .map(async (key) => ({ key, stats: await stat(`${root}/${key}`).catch(ifAbsent) })),
    );
    for (const { key, stats: found } of stats) {
      if (found !== undefined) {
        objects.push({ key: listedKey(key), size: found.size, lastModified: found.mtime });
      }
    }
  }
  return objects;
}
