import { parseContentRange } from '../../domain/byte-range.js';
import type { ByteRange } from '../../domain/byte-range.js';
import { Digest, isSupportedAlgorithm } from '../../domain/digest.js';
import type { DigestAlgorithm } from '../../domain/digest.js';
import { InvalidValue } from '../../domain/invalid-value.js';
import { parseRepositoryName } from '../../domain/repository-name.js';
import type { RepositoryName } from '../../domain/repository-name.js';
import { RegistryError } from '../../errors/registry-error.js';
import type { UploadProgress } from '../../registry/session-states.js';
import { CHUNK_MIN_LENGTH } from '../../registry/upload-sessions.js';
import { COMMON_HEADERS, send } from '../response.js';
import type { HeaderList } from '../response.js';
import type { OciCall } from './call.js';
import { sessionRef, uploadHeaders } from './upload-location.js';

/** Of a POST that opens a session: whatever it carries is not read as content. */
const IGNORED_BODY_BYTES = 1024 * 1024;

/** POST /v2/<name>/blobs/uploads/ (OCI end-4a, 4b, 4c, 11). */
export async function postUpload(call: OciCall): Promise<void> {
  const { query, registry, name, caller } = call;
  const mount = query.get('mount');
  if (mount !== null && (await mounted(call, Digest.parse(mount))))
    return sendCreated(call, Digest.parse(mount));
  const whole = query.get('digest');
  if (whole !== null && mount === null) {
    const digest = Digest.parse(whole);
    await registry.uploads.putWhole(name, digest, call.body());
    return sendCreated(call, digest);
  }
  const algorithm = announcedAlgorithm(query.get('digest-algorithm'));
  if (!(await call.body().discard(IGNORED_BODY_BYTES))) {
    throw new RegistryError('SIZE_INVALID', 'a POST that opens an upload session takes no content');
  }
  const opened = await registry.uploads.open(name, { subject: caller.subject, algorithm });
  sendAccepted(call, 202, opened, ['OCI-Chunk-Min-Length', String(CHUNK_MIN_LENGTH)]);
}

/** PATCH <session> (OCI end-5), streamed or one chunk. */
export async function patchUpload(call: OciCall): Promise<void> {
  const body = call.body();
  const chunk = chunkOf(call, body.length);
  sendAccepted(
    call,
    202,
    await call.registry.uploads.append(call.name, sessionRef(call.target, call.query), body, chunk),
  );
}

/** PUT <session>?digest= (OCI end-6): without content, with the last chunk, or with the whole blob. */
export async function putUpload(call: OciCall): Promise<void> {
  const text = call.query.get('digest');
  if (text === null) throw new RegistryError('DIGEST_INVALID', 'the digest parameter is missing');
  const digest = Digest.parse(text);
  const body = call.body();
  const chunk = chunkOf(call, body.length);
  await call.registry.uploads.finish(call.name, sessionRef(call.target, call.query), digest, body, chunk);
  sendCreated(call, digest);
}

/** GET <session> (OCI end-13). */
export async function getUpload(call: OciCall): Promise<void> {
  sendAccepted(call, 204, await call.registry.uploads.status(call.name, sessionRef(call.target, call.query)));
}

/** DELETE <session> (OCI end-14). */
export async function deleteUpload(call: OciCall): Promise<void> {
  await call.registry.uploads.cancel(call.name, sessionRef(call.target, call.query));
  call.res.writeHead(204, [...COMMON_HEADERS]);
  call.res.end();
}

/** A mount that cannot be is no error: the client gets a session instead. */
async function mounted(call: OciCall, digest: Digest): Promise<boolean> {
  const { registry, name, caller, query } = call;
  const from = query.get('from');
  if (from === null) return registry.blobs.mountFromAny(name, digest, (holder) => caller.may('pull', holder));
  const source = sourceName(from);
  return source !== undefined && caller.may('pull', source) && registry.blobs.mount(name, digest, source);
}

/** Of a mount; undefined for what no repository can be called. */
export function sourceName(text: string): RepositoryName | undefined {
  try {
    return parseRepositoryName(text);
  } catch (error) {
    if (error instanceof InvalidValue) return undefined;
    throw error;
  }
}

function announcedAlgorithm(text: string | null): DigestAlgorithm {
  if (text === null) return 'sha256';
  if (isSupportedAlgorithm(text)) return text;
  throw new RegistryError('DIGEST_INVALID', 'the digest algorithm is not supported; use sha256 or sha512');
}

/** @throws RegistryError SIZE_INVALID where Content-Length contradicts Content-Range */
function chunkOf({ req }: OciCall, length: number | undefined): ByteRange | undefined {
  const header = req.headers['content-range'];
  if (header === undefined) return undefined;
  const chunk = parseContentRange(header);
  const announced = chunk.end - chunk.start + 1;
  if (length !== undefined && length !== announced) {
    throw new RegistryError(
      'SIZE_INVALID',
      `Content-Length is ${length}, but Content-Range has ${announced} bytes`,
    );
  }
  return chunk;
}

function sendAccepted(
  { res, name }: OciCall,
  status: 202 | 204,
  progress: UploadProgress,
  more: HeaderList = [],
): void {
  const headers = [...uploadHeaders(name, progress).flat(), ...more];
  if (status === 202) return send(res, status, headers);
  res.writeHead(status, [...COMMON_HEADERS, ...headers]);
  res.end();
}

function sendCreated({ res, name }: OciCall, digest: Digest): void {
  const text = digest.toString();
  send(res, 201, ['Location', `/v2/${name}/blobs/${text}`, 'Docker-Content-Digest', text]);
}
