import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { MEDIA_TYPES, content, descriptor, type Content } from '../support/image.js';
import { call, closing, locationOf, openUpload, type Result } from './api.js';
import type { Endpoint } from './wire.js';

/** Two images of one layer, pushed one after the other under one tag. */
export interface Push {
  readonly repository: string;
  readonly layer: Content;
  readonly config: Content;
  readonly manifests: readonly [first: Content, second: Content];
}

/** What the server acknowledged before it was gone. */
export interface Acknowledged {
  /** Where the layer's upload goes on, and how many bytes it holds. */
  upload?: { location: string; bytes: number };
  readonly blobs: Content[];
  readonly manifests: Content[];
}

export function makePush(repository: string, layerBytes: number): Push {
  const layer = content(MEDIA_TYPES.ociLayer, randomBytes(layerBytes));
  const config = content(
    MEDIA_TYPES.ociConfig,
    Buffer.from(JSON.stringify({ made: randomBytes(8).toString('hex') })),
  );
  const manifest = (marker: string): Content =>
    content(
      MEDIA_TYPES.ociManifest,
      Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: MEDIA_TYPES.ociManifest,
          config: descriptor(config),
          layers: [descriptor(layer)],
          annotations: { marker },
        }),
      ),
    );
  return { repository, layer, config, manifests: [manifest('first'), manifest('second')] };
}

/** As docker pushes: POST, PATCH (here two), PUT; POST and PUT for the config; the manifests by tag. Notes each answer. */
export async function pushAll(server: Endpoint, push: Push, acknowledged: Acknowledged): Promise<void> {
  const { repository, layer, config, manifests } = push;
  const half = layer.bytes.subarray(0, layer.size / 2);
  acknowledged.upload = { location: await openUpload(server, repository), bytes: 0 };
  const first = answered(await call(server, 'PATCH', acknowledged.upload.location, { body: half }), 202);
  acknowledged.upload = { location: locationOf(first), bytes: half.length };
  const second = answered(
    await call(server, 'PATCH', acknowledged.upload.location, { body: layer.bytes.subarray(half.length) }),
    202,
  );
  acknowledged.upload = { location: locationOf(second), bytes: layer.size };
  answered(await call(server, 'PUT', closing(acknowledged.upload.location, layer.digest)), 201);
  acknowledged.blobs.push(layer);
  const session = await openUpload(server, repository);
  answered(await call(server, 'PUT', closing(session, config.digest), { body: config.bytes }), 201);
  acknowledged.blobs.push(config);
  for (const manifest of manifests) {
    const headers = { 'content-type': manifest.mediaType };
    answered(
      await call(server, 'PUT', `/v2/${repository}/manifests/latest`, { headers, body: manifest.bytes }),
      201,
    );
    acknowledged.manifests.push(manifest);
  }
}

/** Fails unless all that was acknowledged is there, and what the tag leads to is one of the pushed manifests. */
export async function assertKept(
  server: Endpoint,
  push: Push,
  { blobs, manifests }: Acknowledged,
): Promise<void> {
  const { repository } = push;
  for (const { digest, bytes } of blobs) {
    const pulled = answered(await call(server, 'GET', `/v2/${repository}/blobs/${digest}`), 200);
    assert.ok(pulled.body.equals(bytes), digest);
  }
  for (const { digest, bytes } of manifests) {
    const pulled = answered(await call(server, 'GET', `/v2/${repository}/manifests/${digest}`), 200);
    assert.ok(pulled.body.equals(bytes), digest);
  }
  const tagged = await call(server, 'GET', `/v2/${repository}/manifests/latest`);
  if (tagged.status === 404) return assert.equal(manifests.length, 0, 'the tag is lost');
  const possible = push.manifests.slice(Math.max(0, manifests.length - 1), manifests.length + 1);
  assert.ok(
    possible.some(({ bytes }) => tagged.body.equals(bytes)),
    `the tag leads to ${tagged.body.toString()}`,
  );
}

function answered(result: Result, status: number): Result {
  assert.equal(result.status, status, result.body.toString('utf8', 0, 300));
  return result;
}
