import { createHmac, timingSafeEqual } from 'node:crypto';
import { isSupportedAlgorithm } from '../domain/digest.js';
import type { DigestAlgorithm } from '../domain/digest.js';
import type { RepositoryName } from '../domain/repository-name.js';
import type { SegmentSet } from '../ports/storage-driver.js';
import type { SessionKeys } from './session-keys.js';

/** What an upload session is; its id tells all of it, so that opening one writes nothing. */
export interface UploadSession {
  readonly set: SegmentSet;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Who opened it; empty for anonymous. */
  readonly subject: string;
  /** The algorithm that the client announced; sha256 is always computed too. */
  readonly algorithm: DigestAlgorithm;
}

/** Signs a session for one repository: `set.time.algorithm.subject.key.mac`. */
export async function encodeSessionId(
  keys: SessionKeys,
  name: RepositoryName,
  session: UploadSession,
): Promise<string> {
  const { id, secret } = await keys.current();
  const subject = Buffer.from(session.subject).toString('base64url');
  const text = [session.set, session.startedAt.toString(36), session.algorithm, subject, id].join('.');
  return `${text}.${mac(secret, name, text).toString('base64url')}`;
}

/** Undefined for an id that no node of this store issued for this repository. */
export async function decodeSessionId(
  keys: SessionKeys,
  name: RepositoryName,
  id: string,
): Promise<UploadSession | undefined> {
  const [set, time, algorithm, subject, keyId, signature, ...rest] = id.split('.');
  if (set === undefined || time === undefined || algorithm === undefined || subject === undefined)
    return undefined;
  if (keyId === undefined || signature === undefined || rest.length > 0) return undefined;
  const secret = await keys.find(keyId);
  if (secret === undefined || !isSupportedAlgorithm(algorithm)) return undefined;
  // The text, for the decoder passes over what is no base64.
  const expected = Buffer.from(mac(secret, name, id.slice(0, id.lastIndexOf('.'))).toString('base64url'));
  const given = Buffer.from(signature);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  return {
    set,
    startedAt: Number.parseInt(time, 36),
    subject: Buffer.from(subject, 'base64url').toString(),
    algorithm,
  };
}

function mac(secret: Buffer, name: RepositoryName, text: string): Buffer {
  return createHmac('sha256', secret).update(`${name}\n${text}`).digest();
}
