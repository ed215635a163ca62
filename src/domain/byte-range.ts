import { InvalidValue } from './invalid-value.js';

/** A range of bytes; both ends are offsets of bytes that belong to it. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** What a Range header asks of a body of a known size. */
export type RangeRequest = 'whole' | 'unsatisfiable' | ByteRange;

const SINGLE = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/;
const DIGITS_PAIR = /^(\d+)-(\d+)$/;

/**
 * RFC 9110 §14.2. Unknown units and several ranges ask for the whole (both may be ignored); a malformed or
 * inverted `bytes` range and one that starts at or after `size` are unsatisfiable.
 */
export function parseRange(header: string | undefined, size: number): RangeRequest {
  if (header === undefined) return 'whole';
  if (!/^bytes=/i.test(header) || header.includes(',')) return 'whole';
  const match = SINGLE.exec(header.toLowerCase());
  if (match === null) return 'unsatisfiable';
  const [, first = '', last = ''] = match;
  if (first === '') {
    const length = Number(last);
    if (last === '' || length === 0 || size === 0) return 'unsatisfiable';
    return { start: Math.max(0, size - length), end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (start >= size || start > end) return 'unsatisfiable';
  return { start, end };
}

/**
 * The Content-Range of an upload chunk, `start-end` (OCI distribution-spec "Pushing a blob in chunks").
 * @throws InvalidValue
 */
export function parseContentRange(header: string): ByteRange {
  const match = DIGITS_PAIR.exec(header);
  const start = Number(match?.[1]);
  const end = Number(match?.[2]);
  if (match === null || !Number.isSafeInteger(end) || start > end) {
    throw new InvalidValue('content-range', 'Content-Range of a chunk is START-END, both inclusive offsets');
  }
  return { start, end };
}
