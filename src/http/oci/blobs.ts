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
  const digest = digestToRead(call.target);
  const member = await registry.blobs.stat(call.name, digest);
  const etag = `"${digest.toString()}"`;
  if (matchesEtag(req.headers['if-none-match'], digest.toString())) return sendNotModified(res, etag);
  const range = requestedRange(call, member.size, etag);
  const body = await registry.blobs.open(call.name, digest, member, range);
  const length = range === undefined ? member.size : range.end - range.start + 1;
  const headers = blobHeaders(digest, etag, length);
  if (range === undefined) sendHead(res, 200, headers);
  else sendHead(res, 206, [...headers, 'Content-Range', `bytes ${range.start}-${range.end}/${member.size}`]);
  await sendBody(res, body);
}

/** HEAD /v2/<name>/blobs/<digest> (OCI end-2). */
export async function headBlob(call: OciCall): Promise<void> {
  const digest = digestToRead(call.target);
  const member = await call.registry.blobs.stat(call.name, digest);
  const etag = `"${digest.toString()}"`;
  if (matchesEtag(call.req.headers['if-none-match'], digest.toString()))
    return sendNotModified(call.res, etag);
  sendHead(call.res, 200, blobHeaders(digest, etag, member.size));
  call.res.end();
}

/** DELETE /v2/<name>/blobs/<digest> (OCI end-10). */
export async function deleteBlob(call: OciCall): Promise<void> {
  if (!call.options.delete) throw new RegistryError('UNSUPPORTED', 'deletion is switched off');
  await call.registry.blobs.delete(call.name, digestToRead(call.target));
  send(call.res, 202, []);
}

function blobHeaders(digest: Digest, etag: string, length: number): HeaderList {
  return [
    'Content-Type',
    'application/octet-stream',
    'Content-Length',
    String(length),
    'Docker-Content-Digest',
    digest.toString(),
    'ETag',
    etag,
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
