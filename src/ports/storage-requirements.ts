import type { ByteRange } from '../domain/byte-range.js';
import { isSetName, keyFault, prefixFault } from '../domain/key-rules.js';
import { StorageError } from './storage-driver.js';

/** @throws StorageError INVALID_KEY */
export function requireKey(key: string): void {
  const fault = keyFault(key);
  if (fault !== undefined) throw new StorageError('INVALID_KEY', `${shown(key)} is not a key: ${fault}`);
}

/** @throws StorageError INVALID_KEY */
export function requirePrefix(prefix: string): void {
  const fault = prefixFault(prefix);
  if (fault !== undefined)
    throw new StorageError('INVALID_KEY', `${shown(prefix)} is no prefix of keys: ${fault}`);
}

/** @throws StorageError INVALID_KEY */
export function requireSet(set: string): void {
  if (!isSetName(set)) throw new StorageError('INVALID_KEY', `${shown(set)} does not name a set of segments`);
}

/** @throws StorageError RANGE unless it is a whole number of at least `least` */
export function requireNumber(what: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new StorageError('RANGE', `${what} is a whole number of at least ${least}, not ${value}`);
}

/** The first byte and the one after the last. @throws StorageError RANGE where it starts at or after the end */
export function boundsOf(
  key: string,
  range: ByteRange | undefined,
  size: number,
): { start: number; end: number } {
  if (range === undefined) return { start: 0, end: size };
  if (range.start < 0 || range.start >= size || range.end < range.start) {
    throw new StorageError(
      'RANGE',
      `${key} has ${size} bytes; ${range.start}-${range.end} is not a range of it`,
    );
  }
  return { start: range.start, end: Math.min(range.end + 1, size) };
}

function shown(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
