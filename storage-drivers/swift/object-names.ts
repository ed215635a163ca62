import { DISTRIBUTION_PREFIX, listedKey, type Key } from '../../src/domain/keys.js';
import type { SegmentSet } from '../../src/ports/storage-driver.js';

const FILES = '/files/';
const SEGMENTS = '/segments/stackyard/';

/**
 * What keys and segments are called in the container. distribution's files lie where its Swift driver has them:
 * its prefix and `/files` are joined as texts, then the slashes at both ends are taken away.
 */
export class ObjectNames {
  private readonly files: string;
  private readonly own: string;
  /** Begins the name of every segment. */
  readonly segments: string;

  constructor(prefix: string) {
    this.files = trimStart(prefix + FILES);
    this.own = trimStart(`${prefix}/`);
    this.segments = trimStart(prefix + SEGMENTS);
  }

  /** Of a key, or of what a listing begins with. */
  of(key: string): string {
    return (key.startsWith(DISTRIBUTION_PREFIX) ? this.files : this.own) + key;
  }

  /** The key that an object found by listing `of(prefix)` has. */
  keyOf(name: string, prefix: string): Key {
    return listedKey(name.slice(this.of(prefix).length - prefix.length));
  }

  segment(set: SegmentSet, name: string): string {
    return `${this.segments}${set}/${name}`;
  }
}

/** As a URL's path, without a leading slash. */
export function encodePath(name: string): string {
  return name.split('/').map(encodeURIComponent).join('/');
}

function trimStart(text: string): string {
  return text.replace(/^\/+/, '');
}
