import type { Context } from 'mocha';
import { startPeer, type Peer } from './peer.js';
import { requireTool } from './requirement.js';
import type { SwiftBed } from './swift-bed.js';
import type { SwiftPlace } from './swift-objects.js';

const MIB = 1024 * 1024;

/** Debian's docker-registry on a Swift container; its segments have 1 MiB, so that a layer of a few is a real DLO. */
export async function startSwiftPeer(
  context: Context,
  { v1: { authUrl, credentials } }: SwiftBed,
  { container, prefix }: SwiftPlace,
): Promise<Peer> {
  if (credentials.kind !== 'v1') throw new Error('the peer logs in with tempauth');
  const { user: username, key: password } = credentials;
  const swift = { username, password, authurl: authUrl, container, prefix, chunksize: MIB };
  return startPeer({ storage: { swift }, program: requireTool(context, 'docker-registry') });
}

/** The environment of a Stackyard over the same store. */
export function swiftEnvironment(
  { v1: { authUrl, credentials } }: SwiftBed,
  { container, prefix }: SwiftPlace,
): Readonly<Record<string, string>> {
  if (credentials.kind !== 'v1') throw new Error('Stackyard logs in with tempauth');
  return {
    STACKYARD_STORAGE_DRIVER: 'swift',
    STACKYARD_STORAGE_SWIFT_CONTAINER: container,
    STACKYARD_STORAGE_SWIFT_PREFIX: prefix,
    STACKYARD_STORAGE_SWIFT_SEGMENT_BYTES: '4MiB',
    STACKYARD_CACHE_MAX_AGE: '0s',
    ST_AUTH: authUrl,
    ST_USER: credentials.user,
    ST_KEY: credentials.key,
  };
}
