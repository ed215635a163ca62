import type { ServerResponse } from 'node:http';
import { parseRange } from '../../domain/byte-range.js';
import type { ByteRange } from '../../domain/byte-range.js';
import { Digest } from '../../domain/digest.js';
import { InvalidValue } from '../../domain/invalid-value.js';
import { RegistryError } from '../../errors/registry-error.js';
import { matchesEtag, send, sendBody, sendHead, sendNotModified } from '../response.js';
import type { HeaderList } from '../response.js';
import type { OciCall } from './call.js';

/** GET /v2/<name>/blobs/<digest> (OCI end-2). */
export async function getBlob(call: OciCall): Promise<void> {
  const { req, res, registry } = call;
  const { range, 'if-none-match': noneMatch, 'if-range': ifRange } = req.headers;
  const digest = digestToRead(call.target);
  // The store knows nothing of our ETags.
  if (noneMatch !== undefined || ifRange !== undefined) return sendRequested(call, digest);
  const url = await signedUrl(call, digest);
  if (url !== undefined) return sendRedirect(res, digest, url);
  if (range !== undefined) return sendRequested(call, digest);
  const { member, body } = await registry.blobs.openWhole(call.name, digest);
  sendHead(res, 200, blobHeaders(digest, member.size));
  await sendBody(res, body);
}

/** HEAD /v2/<name>/blobs/<digest> (OCI end-2); whoever may push is not told of a blob that a push would replace. */
export async function headBlob({ req, res, registry, name, caller, target }: OciCall): Promise<void> {
  const digest = digestToRead(target);
  const member = await registry.blobs.stat(name, digest, { forPush: caller.may('push', name) });
  if (matchesEtag(req.headers['if-none-match'], digest.toString())) {
    return sendNotModified(res, etagOf(digest));
  }
  sendHead(res, 200, blobHeaders(digest, member.size));
  res.end();
}

/** DELETE /v2/<name>/blobs/<digest> (OCI end-10). */
export async function deleteBlob(call: OciCall): Promise<void> {
  if (!call.options.delete) throw new RegistryError('UNSUPPORTED', 'deletion is switched off');
  await call.registry.blobs.delete(call.name, digestToRead(call.target));
  await call.beforeAnswer();
  send(call.res, 202, []);
}

/** The part that Range and its conditions ask for. */
async function sendRequested(call: OciCall, digest: Digest): Promise<void> {
  const { req, res, registry } = call;
  const member = await registry.blobs.stat(call.name, digest);
  const etag = etagOf(digest);
  if (matchesEtag(req.headers['if-none-match'], digest.toString())) return sendNotModified(res, etag);
  const range = requestedRange(call, member.size, etag);
  const body = await registry.blobs.open(call.name, digest, member, range);
  if (range === undefined) sendHead(res, 200, blobHeaders(digest, member.size));
  else {
    sendHead(res, 206, [
      ...blobHeaders(digest, range.end - range.start + 1),
      'Content-Range',
      `bytes ${range.start}-${range.end}/${member.size}`,
    ]);
  }
  await sendBody(res, body);
}

/** Where the store lets this client read the blob by itself. */
async function signedUrl(
  { req, registry, options, name }: OciCall,
  digest: Digest,
): Promise<URL | undefined> {
  const expiresAt = options.redirect?.(name, req);
  return expiresAt && registry.blobs.signedUrl(name, digest, expiresAt);
}

/** The URL is a credential: no cache may keep it. */
function sendRedirect(res: ServerResponse, digest: Digest, url: URL): void {
  send(res, 307, [
    'Location',
    url.href,
    'Docker-Content-Digest',
    digest.toString(),
    'Cache-Control',
    'no-store',
  ]);
}

function etagOf(digest: Digest): string {
  return `"${digest.toString()}"`;
}

function blobHeaders(digest: Digest, length: number): HeaderList {
  return [
    'Content-Type',
    'application/octet-stream',
    'Content-Length',
    String(length),
    'Docker-Content-Digest',
    digest.toString(),
    'ETag',
    etagOf(digest),
    'Accept-Ranges',
    'bytes',
    'Cache-Control',
    'max-age=31536000',
  ];
}

/** Undefined for the whole; a range is ignored where If-Range names another blob (RFC 9110 §13.1.5). */
function requestedRange({ req }: OciCall, size: number, etag: string): ByteRange | undefined {
  const condition = req.headers['if-range'];
  if (condition !== undefined && condition !== etag) return undefined;
  const range = parseRange(req.headers.range, size);
  if (range === 'unsatisfiable') {
    throw new RegistryError('RANGE_INVALID', `the blob has ${size} bytes`, {
      headers: { 'Content-Range': `bytes */${size}` },
    });
  }
  return range === 'whole' ? undefined : range;
}

/** A digest of an algorithm that is not kept here names nothing that could be read. */
function digestToRead(text: string): Digest {
  try {
    return Digest.parse(text);
  } catch (error) {
    if (error instanceof InvalidValue && error.kind === 'algorithm') throw new RegistryError('BLOB_UNKNOWN');
    throw error;
  }
}
