import type { IncomingMessage, ServerResponse } from 'node:http';
import { InvalidValue } from '../domain/invalid-value.js';
import type { InvalidKind } from '../domain/invalid-value.js';
import { RegistryError } from '../errors/registry-error.js';
import type { ErrorCode } from '../errors/registry-error.js';
import { StorageError } from '../ports/storage-driver.js';
import { UploadOffsetMismatch } from '../registry/session-states.js';
import { uploadHeaders } from './oci/upload-location.js';
import { holdsBackBody } from './request-body.js';
import { send } from './response.js';

const INVALID: Readonly<Record<InvalidKind, ErrorCode>> = {
  digest: 'DIGEST_INVALID',
  algorithm: 'DIGEST_INVALID',
  repository: 'NAME_INVALID',
  tag: 'TAG_INVALID',
  'content-range': 'RANGE_INVALID',
  'page-size': 'PAGINATION_NUMBER_INVALID',
  manifest: 'MANIFEST_INVALID',
};

/** Of a body that nobody wants any more, so that its sender can read the answer. */
const DRAIN_BYTES = 16 * 1024 * 1024;
const DRAIN_MILLISECONDS = 10_000;

/** The one place that turns what was thrown into an answer of the registry API. */
export function toRegistryError(error: unknown): RegistryError {
  if (error instanceof RegistryError) return error;
  if (error instanceof InvalidValue) return new RegistryError(INVALID[error.kind], error.message, { cause: error });
  if (error instanceof UploadOffsetMismatch) {
    const headers = Object.fromEntries(uploadHeaders(error.repository, error.progress));
    return new RegistryError('RANGE_INVALID', error.message, { headers, cause: error });
  }
  if (error instanceof StorageError && (error.code === 'UNAVAILABLE' || error.code === 'THROTTLED')) {
    const headers = { 'Retry-After': String(error.retryAfter) };
    return new RegistryError('UNAVAILABLE', 'the storage is unavailable; try again', { headers, cause: error });
  }
  return new RegistryError('UNKNOWN', undefined, { cause: error });
}

/** Answers with the error; a connection on which an unread body is still coming is closed after it. */
export function sendError(req: IncomingMessage, res: ServerResponse, error: RegistryError): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const headers = Object.entries(error.headers).flat();
  if (!req.complete) {
    headers.push('Connection', 'close');
    if (!holdsBackBody(req)) drain(req, res);
  }
  send(res, error.status, ['Content-Type', 'application/json', ...headers], JSON.stringify({ errors: error.entries }));
}

function drain(req: IncomingMessage, res: ServerResponse): void {
  let dropped = 0;
  const stop = (): void => {
    clearTimeout(timer);
    res.socket?.destroySoon();
  };
  const timer = setTimeout(stop, DRAIN_MILLISECONDS);
  req.on('data', (chunk: Buffer) => {
    dropped += chunk.byteLength;
    if (dropped > DRAIN_BYTES) stop();
  });
  req.once('close', () => clearTimeout(timer));
}
