import { InvalidValue } from '../../domain/invalid-value.js';
import { accepts } from '../../domain/media-type.js';
import { parseReference, parseTag } from '../../domain/reference.js';
import type { Reference, Tag } from '../../domain/reference.js';
import { RegistryError } from '../../errors/registry-error.js';
import { matchesEtag, send, sendHead, sendNotModified } from '../response.js';
import type { OciCall } from './call.js';

/**
 * GET and HEAD /v2/<name>/manifests/<reference> (OCI end-3): the bytes as they were put. HEAD does not tell whoever
 * may push of a manifest that a push would replace.
 */
export async function getManifest(call: OciCall): Promise<void> {
  const { req, res, name } = call;
  const reference = referenceToRead(call.target);
  const forPush = req.method === 'HEAD' && call.caller.may('push', name);
  const { digest, mediaType, bytes } = await call.registry.manifests.get(name, reference, { forPush });
  const { accept } = req.headers;
  if (reference.kind === 'tag' && accept !== undefined && !accepts([accept], mediaType)) {
    throw new RegistryError('MANIFEST_UNKNOWN', `the manifest is ${mediaType}, which Accept does not admit`);
  }
  const text = digest.toString();
  call.digest = text;
  const etag = `"${text}"`;
  if (matchesEtag(req.headers['if-none-match'], text)) return sendNotModified(res, etag);
  sendHead(res, 200, [
    'Content-Type',
    mediaType,
    'Content-Length',
    String(bytes.byteLength),
    'Docker-Content-Digest',
    text,
    'ETag',
    etag,
  ]);
  res.end(req.method === 'HEAD' ? undefined : bytes);
}

/** PUT /v2/<name>/manifests/<reference> (OCI end-7a, 7b). */
export async function putManifest(call: OciCall): Promise<void> {
  const { req, res, name, options } = call;
  const reference = parseReference(call.target);
  const added = tagParameters(call, reference);
  const body = call.body();
  const contentType = req.headers['content-type'];
  const { digest, subject } = await body.whole(options.maxManifestBytes, call.buffers, (bytes) => {
    if (bytes === undefined) throw tooLarge(options.maxManifestBytes);
    if (body.interrupted) {
      throw new RegistryError('MANIFEST_INVALID', 'the request ended before its body was complete');
    }
    return call.registry.manifests.put(name, {
      bytes,
      tags: reference.kind === 'tag' ? [reference.tag] : added,
      ...(reference.kind === 'digest' && { digest: reference.digest }),
      ...(contentType !== undefined && { contentType }),
    });
  });
  const text = digest.toString();
  call.digest = text;
  send(res, 201, [
    'Location',
    `/v2/${name}/manifests/${text}`,
    'Docker-Content-Digest',
    text,
    ...(subject ? ['OCI-Subject', subject.toString()] : []),
    ...(added.length > 0 ? ['OCI-Tag', added.join(', ')] : []),
  ]);
}

/** DELETE /v2/<name>/manifests/<reference> (OCI end-9): a tag alone, or a manifest with all its tags. */
export async function deleteManifest(call: OciCall): Promise<void> {
  if (!call.options.delete) throw new RegistryError('UNSUPPORTED', 'deletion is switched off');
  const reference = referenceToRead(call.target);
  if (reference.kind === 'tag') await call.registry.tags.delete(call.name, reference.tag);
  else await call.registry.manifests.delete(call.name, reference.digest);
  await call.beforeAnswer();
  send(call.res, 202, []);
}

function tooLarge(limit: number): RegistryError {
  return new RegistryError('MANIFEST_INVALID', `a manifest has at most ${limit} bytes`, { status: 413 });
}

/** The `tag` parameters of a PUT by digest (OCI end-7b). */
function tagParameters({ query, options }: OciCall, reference: Reference): readonly Tag[] {
  const tags = [...new Set(query.getAll('tag'))].map(parseTag);
  if (tags.length > 0 && reference.kind === 'tag') {
    throw new RegistryError('TAG_INVALID', 'tag parameters go with a manifest that is put by its digest');
  }
  if (tags.length > options.maxTagsPerPut) {
    throw new RegistryError('TAG_INVALID', `one PUT sets at most ${options.maxTagsPerPut} tags`, {
      status: 414,
    });
  }
  return tags;
}

/** What cannot be the name of a manifest names none; a malformed digest is an error of its own. */
function referenceToRead(text: string): Reference {
  try {
    return parseReference(text);
  } catch (error) {
    const unknown = error instanceof InvalidValue && (error.kind === 'algorithm' || error.kind === 'tag');
    if (unknown) throw new RegistryError('MANIFEST_UNKNOWN');
    throw error;
  }
}
