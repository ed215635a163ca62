import type { IncomingMessage, ServerResponse } from 'node:http';
import { InvalidValue } from '../domain/invalid-value.js';
import type { InvalidKind } from '../domain/invalid-value.js';
import { RegistryError } from '../errors/registry-error.js';
import type { ErrorCode } from '../errors/registry-error.js';
import { StorageError } from '../ports/storage-driver.js';
import { UploadOffsetMismatch } from '../registry/session-states.js';
import { uploadHeaders } from './oci/upload-location.js';
import { holdsBackBody } from './request-body.js';
import { send, sendHead } from './response.js';

/** Kinds that are in no request of the registry API are missing. */
const INVALID: Readonly<Partial<Record<InvalidKind, ErrorCode>>> = {
  digest: 'DIGEST_INVALID',
  algorithm: 'DIGEST_INVALID',
  repository: 'NAME_INVALID',
  tag: 'TAG_INVALID',
  'content-range': 'RANGE_INVALID',
  'page-size': 'PAGINATION_NUMBER_INVALID',
  manifest: 'MANIFEST_INVALID',
};

/** Of a body that nobody wants any more: senders that write all before they read would never see the answer. */
const DRAIN_BYTES = 16 * 1024 * 1024;
const DRAIN_MILLISECONDS = 10_000;

/** The one place that turns what was thrown into an answer of the registry API. */
export function toRegistryError(error: unknown): RegistryError {
  if (error instanceof RegistryError) return error;
  if (error instanceof InvalidValue)
    return new RegistryError(INVALID[error.kind] ?? 'UNKNOWN', error.message, { cause: error });
  if (error instanceof UploadOffsetMismatch) {
    const headers = Object.fromEntries(uploadHeaders(error.repository, error.progress));
    return new RegistryError('RANGE_INVALID', error.message, { headers, cause: error });
  }
  if (error instanceof StorageError && (error.code === 'UNAVAILABLE' || error.code === 'THROTTLED')) {
    const headers = { 'Retry-After': String(error.retryAfter) };
    return new RegistryError('UNAVAILABLE', 'the storage is unavailable; try again', {
      headers,
      cause: error,
    });
  }
  return new RegistryError('UNKNOWN', undefined, { cause: error });
}

/** Answers with the error; a connection on which an unread body is still coming is closed after it. */
export function sendError(req: IncomingMessage, res: ServerResponse, error: RegistryError): void {
  const headers = { 'Content-Type': 'application/json', ...error.headers };
  sendErrorText(req, res, { status: error.status, headers, text: JSON.stringify({ errors: error.entries }) });
}

/** The same for an error whose text is written. */
export function sendErrorText(
  req: IncomingMessage,
  res: ServerResponse,
  error: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly text: string;
  },
): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const { status, text } = error;
  const headers = Object.entries(error.headers).flat();
  if (!isBodyComing(req)) return send(res, status, headers, text);
  headers.push('Connection', 'close');
  if (holdsBackBody(req)) return send(res, status, headers, text);
  sendHead(res, status, [...headers, 'Content-Length', String(Buffer.byteLength(text))]);
  res.write(text);
  endAfterBody(req, res);
}

/** `complete` is set only after the request event, also for a request that has no body. */
function isBodyComing({ complete, headers }: IncomingMessage): boolean {
  return (
    !complete && (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0)
  );
}

/** Node closes the connection at the end of the answer, which resets it while bytes come: so those are read first. */
function endAfterBody(req: IncomingMessage, res: ServerResponse): void {
  let dropped = 0;
  const end = (): void => {
    clearTimeout(timer);
    res.end();
  };
  const timer = setTimeout(end, DRAIN_MILLISECONDS);
  req.once('close', end).once('end', end);
  req.removeAllListeners('readable'); // left by a handler that gave up while it read
  req.on('data', (chunk: Buffer) => {
    dropped += chunk.byteLength;
    if (dropped > DRAIN_BYTES) end();
  });
  req.resume(); // paused by such a handler
}
