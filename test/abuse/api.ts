import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { MEDIA_TYPES, content, descriptor, sha256, type Content } from '../support/image.js';
import type { Endpoint } from './wire.js';

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** How long the server may be silent. */
  readonly timeoutMs?: number;
}

export interface Result {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  /** The code of the first error that the body tells. */
  readonly code: string | undefined;
}

/** One request on a new connection; unlike `fetch` it never meets a connection that a short timeout just closed. */
export function call(
  server: Endpoint,
  method: string,
  path: string,
  options: CallOptions = {},
): Promise<Result> {
  const { headers, body, timeoutMs = 30_000 } = options;
  return new Promise((resolve, reject) => {
    const req = request(
      {
        host: server.host.replace(/^\[|\]$/g, ''),
        port: server.port,
        method,
        path,
        agent: false,
        timeout: timeoutMs,
        headers: { ...headers },
      },
      (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.once('error', reject);
        res.once('end', () => {
          const bytes = Buffer.concat(chunks);
          const status = res.statusCode ?? 0;
          resolve({
            status,
            headers: res.headers,
            body: bytes,
            code: status < 400 ? undefined : codeOf(bytes),
          });
        });
      },
    );
    req.once('timeout', () => req.destroy(new Error(`${method} ${path}: no answer within ${timeoutMs} ms`)));
    req.once('error', reject);
    req.end(body);
  });
}

/** Opens an upload session and answers its Location. */
export async function openUpload(server: Endpoint, repository: string): Promise<string> {
  const opened = await call(server, 'POST', `/v2/${repository}/blobs/uploads/`);
  assert.equal(opened.status, 202);
  return locationOf(opened);
}

export function locationOf({ headers }: Pick<Result, 'headers'>): string {
  const { location } = headers;
  assert.ok(typeof location === 'string', 'there is a Location');
  return location;
}

/** The closing URL of a session. */
export function closing(location: string, digest: string): string {
  return `${location}&digest=${encodeURIComponent(digest)}`;
}

export async function pushBlob(server: Endpoint, repository: string, bytes: Buffer): Promise<string> {
  const digest = sha256(bytes);
  const pushed = await call(server, 'POST', `/v2/${repository}/blobs/uploads/?digest=${digest}`, {
    body: bytes,
  });
  assert.equal(pushed.status, 201);
  return digest;
}

/** An image manifest of a config blob that must be pushed; `marker` tells one from another. */
export function manifestOf(config: Content, marker: string): Content {
  return content(
    MEDIA_TYPES.ociManifest,
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MEDIA_TYPES.ociManifest,
        config: descriptor(config),
        layers: [],
        annotations: { marker },
      }),
    ),
  );
}

export function configBlob(): Content {
  return content(
    MEDIA_TYPES.ociConfig,
    Buffer.from(JSON.stringify({ made: randomBytes(8).toString('hex') })),
  );
}

export function putManifest(
  server: Endpoint,
  repository: string,
  reference: string,
  manifest: Content,
): Promise<Result> {
  return call(server, 'PUT', `/v2/${repository}/manifests/${reference}`, {
    headers: { 'content-type': manifest.mediaType },
    body: manifest.bytes,
  });
}

function codeOf(bytes: Buffer): string | undefined {
  try {
    const { errors } = JSON.parse(bytes.toString()) as { errors?: { code: string }[] };
    return errors?.[0]?.code;
  } catch {
    return undefined; // not an error of the API
  }
}
