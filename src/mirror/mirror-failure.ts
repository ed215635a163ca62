import { DamagedContent, RegistryError } from '../errors/registry-error.js';
import type { ErrorCode } from '../errors/registry-error.js';
import type { Remote } from './remote.js';
import { MirrorPaused, UpstreamError } from './upstream/upstream-error.js';
import type { UpstreamFailure } from './upstream/upstream-error.js';

const WITH_RETRY: ReadonlySet<ErrorCode> = new Set(['TOOMANYREQUESTS', 'UNAVAILABLE']);

/**
 * What clients are told of an upstream's failure, `unknown` for what it has not. Where another mirror or the upstream
 * itself is configured after this one, they go there. The details are the cause, for the log.
 */
export function told(error: unknown, { upstream }: Remote, unknown: ErrorCode): unknown {
  if (!(error instanceof UpstreamError)) return error;
  const [code, message] =
    error instanceof MirrorPaused
      ? (['UNAVAILABLE', error.message] as const)
      : answerTo(error.failure, upstream.name, unknown);
  const headers = WITH_RETRY.has(code)
    ? { 'Retry-After': String(Math.max(1, Math.ceil(error.retryAfter))) }
    : {};
  return new RegistryError(code, message, { headers, cause: error });
}

/** Whether the store lacks what it was asked for, or has it damaged: both are to be taken from the upstream. */
export function isLacking(error: unknown): boolean {
  if (error instanceof DamagedContent) return true;
  return (
    error instanceof RegistryError && (error.code === 'BLOB_UNKNOWN' || error.code === 'MANIFEST_UNKNOWN')
  );
}

function answerTo(failure: UpstreamFailure, name: string, unknown: ErrorCode): [ErrorCode, string?] {
  switch (failure) {
    case 'absent':
      return [unknown];
    case 'denied':
      return ['DENIED', `${name} does not give this to the mirror`];
    case 'limited':
      return ['TOOMANYREQUESTS', `${name} limits the mirror; try again later`];
    case 'unavailable':
      return ['UNAVAILABLE', `${name} does not answer the mirror, which has no copy; try again`];
    case 'refused':
      return ['UNAVAILABLE', `${name} leads where the mirror does not follow; its log tells where`];
    case 'dishonest':
      return ['UNAVAILABLE', `${name} gives something else than it was asked for`];
  }
}
