import type { ProblemCode } from '../api/problem.js';
import { InvalidArchive } from '../archive/invalid-archive.js';
import { InvalidValue } from '../domain/invalid-value.js';
import { RegistryError } from '../errors/registry-error.js';
import type { ErrorCode } from '../errors/registry-error.js';
import { StorageError } from '../ports/storage-driver.js';
import { AdminError } from './admin-error.js';
import type { AdminErrorKind } from './admin-error.js';
import { NotRecorded } from './not-recorded.js';

/** What went wrong with an operation, as its caller is told. */
export interface ToldProblem {
  readonly code: ProblemCode;
  /** One line. */
  readonly detail: string;
  /** Seconds. */
  readonly retryAfter?: number;
}

const OF_ADMIN: Readonly<Record<AdminErrorKind, ProblemCode>> = {
  invalid: 'invalid-request',
  absent: 'absent',
  exists: 'exists',
  conflict: 'conflict',
  stale: 'stale',
};

const OF_REGISTRY: Readonly<Record<ErrorCode, ProblemCode>> = {
  UNAUTHORIZED: 'login-required',
  DENIED: 'not-permitted',
  UNSUPPORTED: 'not-permitted',
  TOOMANYREQUESTS: 'too-many-requests',
  NAME_INVALID: 'invalid-request',
  NAME_UNKNOWN: 'absent',
  MANIFEST_UNKNOWN: 'absent',
  MANIFEST_INVALID: 'conflict',
  MANIFEST_BLOB_UNKNOWN: 'conflict',
  MANIFEST_UNVERIFIED: 'conflict',
  BLOB_UNKNOWN: 'absent',
  BLOB_UPLOAD_UNKNOWN: 'conflict',
  BLOB_UPLOAD_INVALID: 'conflict',
  DIGEST_INVALID: 'invalid-request',
  SIZE_INVALID: 'invalid-request',
  RANGE_INVALID: 'invalid-request',
  TAG_INVALID: 'invalid-request',
  PAGINATION_NUMBER_INVALID: 'invalid-request',
  UNKNOWN: 'internal',
  UNAVAILABLE: 'unavailable',
};

/** The one place that turns what an operation threw into a problem of the admin API. */
export function problemOf(error: unknown): ToldProblem {
  if (error instanceof AdminError) return { code: OF_ADMIN[error.kind], detail: error.message };
  if (error instanceof InvalidValue) return { code: 'invalid-request', detail: error.message };
  if (error instanceof InvalidArchive) {
    return { code: error.kind === 'too-large' ? 'too-large' : 'invalid-archive', detail: error.message };
  }
  if (error instanceof RegistryError) return ofRegistry(error);
  if (error instanceof NotRecorded) {
    return {
      code: 'unavailable',
      detail: `${error.message}: look what there is`,
      retryAfter: error.retryAfter,
    };
  }
  if (error instanceof StorageError && (error.code === 'UNAVAILABLE' || error.code === 'THROTTLED')) {
    const detail = 'the storage is unavailable; try again';
    return { code: 'unavailable', detail, retryAfter: error.retryAfter };
  }
  return { code: 'internal', detail: 'the server failed; its log tells more' };
}

function ofRegistry(error: RegistryError): ToldProblem {
  const { code, message, headers, entries } = error;
  const missing = entries.map(({ detail }) => (detail as { digest?: string } | undefined)?.digest ?? '');
  const retryAfter = Number(headers['Retry-After']);
  return {
    code: OF_REGISTRY[code],
    detail: missing.some((digest) => digest !== '') ? `${message}: ${missing.join(', ')}` : message,
    ...(retryAfter > 0 && { retryAfter }),
  };
}
