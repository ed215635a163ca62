import type { ByteRange } from '../../src/domain/byte-range.js';

/** Offsets at which parts of these sizes begin, but for the first. */
export function boundariesOf(sizes: readonly number[]): number[] {
  let offset = 0;
  return sizes.slice(0, -1).map((size) => (offset += size));
}

/** Every so many bytes an offset, up to the last byte. */
export function stepsOf(bytes: number, last: number): number[] {
  return Array.from({ length: Math.floor(last / bytes) }, (_, i) => (i + 1) * bytes);
}

/** The bytes from `start` to `last` in ranges that end with the first byte after each boundary. */
export function cut(start: number, last: number, boundaries: readonly number[]): ByteRange[] {
  const ends = [...boundaries.filter((offset) => offset >= start && offset < last), last];
  let from = start;
  return ends.map((end) => {
    const piece = { start: from, end };
    from = end + 1;
    return piece;
  });
}
