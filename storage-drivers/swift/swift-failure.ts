import { StorageError } from '../../src/ports/storage-driver.js';

/** Statuses that a repetition may not meet again. 408 and 498 are Swift's own words for slowness and rate limits. */
const PASSING = new Set([408, 429, 498, 499, 500, 502, 503, 504, 507]);
const THROTTLED = new Set([429, 498]);
const LONGEST_WAIT_S = 3600;

export function isPassing(status: number): boolean {
  return PASSING.has(status);
}

/** What a status means that its operation has no other use for. `what` names method and object. */
export function swiftFailure(what: string, status: number, retryAfter?: number): StorageError {
  const options = retryAfter === undefined ? {} : { retryAfter };
  const told = `Swift answered ${what} with ${status}`;
  if (THROTTLED.has(status)) return new StorageError('THROTTLED', told, options);
  const advice = ADVICE[status];
  return new StorageError('UNAVAILABLE', advice === undefined ? told : `${told}: ${advice}`, options);
}

const ADVICE: Readonly<Record<number, string>> = {
  401: 'it does not accept the token; check the credentials and that Swift trusts the same Keystone',
  403: 'the user may not do that; give it a role that Swift accepts, such as swiftoperator',
  404: 'the container is gone; create it again, or correct storage.swift.container',
  413: 'the body is above a quota or a size limit; raise it, or lower storage.swift.segmentBytes',
  507: 'the storage is full',
};

/** Seconds, of a Retry-After that is a number (RFC 9110 §10.2.3). */
export function retryAfterOf(header: string | readonly string[] | undefined): number | undefined {
  const text = typeof header === 'string' ? header : header?.[0];
  if (text === undefined || !/^\d+$/.test(text)) return undefined;
  return Math.min(Number(text), LONGEST_WAIT_S);
}
