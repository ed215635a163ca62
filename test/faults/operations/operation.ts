import assert from 'node:assert/strict';
import { digestOf } from '../../http/client.js';
import type { Lane } from '../lane.js';

/** Something a client does, with content of its own each time. */
export interface Operation {
  readonly name: string;
  prepare(lane: Lane): Promise<Attempt>;
}

export interface Attempt {
  /** All of it, as a client does it; after NotNow once more, from where an honest client goes on. */
  perform(): Promise<void>;
  /** Fails unless a server that remembers nothing has what was acknowledged. */
  check(): Promise<void>;
  close?(): Promise<void>;
}

/** Enters a blob as acknowledged and reads it back. */
export async function assertBlob(lane: Lane, name: string, bytes: Uint8Array): Promise<void> {
  const digest = digestOf(bytes);
  lane.ledger.blob(name, digest);
  const answer = (await lane.witness.get(`/v2/${name}/blobs/${digest}`)).expect(200);
  assert.ok(answer.body.equals(bytes), `${name}@${digest} differs`);
}

/** Enters a manifest as acknowledged and reads it back. */
export async function assertManifest(
  lane: Lane,
  name: string,
  bytes: Uint8Array,
  tag?: string,
): Promise<void> {
  const digest = digestOf(bytes);
  lane.ledger.manifest(name, digest);
  if (tag !== undefined) lane.ledger.tag(name, tag, digest);
  for (const reference of tag === undefined ? [digest] : [digest, tag]) {
    const answer = (await lane.witness.get(`/v2/${name}/manifests/${reference}`)).expect(200);
    assert.ok(answer.body.equals(bytes), `${name}:${reference} differs`);
  }
}
