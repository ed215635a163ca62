import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { Content } from '../support/image.js';
import type { RegistryClient } from '../support/registry-client.js';

type Blob = Pick<Content, 'digest' | 'bytes'>;
type UploadMethod = (client: RegistryClient, repository: string, blob: Blob) => Promise<void>;

const OCTETS = { 'content-type': 'application/octet-stream' };

/** The ways in which clients upload a blob; each ends with the blob acknowledged, or throws. */
export const UPLOAD_METHODS: readonly UploadMethod[] = [postOnly, postPut, streamed, chunked, cut];

async function postOnly(client: RegistryClient, repository: string, { digest, bytes }: Blob): Promise<void> {
  const init = { headers: OCTETS, body: new Uint8Array(bytes) };
  await status(await client.request('POST', `/v2/${repository}/blobs/uploads/?digest=${digest}`, init), 201);
}

async function postPut(client: RegistryClient, repository: string, blob: Blob): Promise<void> {
  await client.pushBlob(repository, blob);
}

/** As dockerd does it: one PATCH of unknown length, then an empty PUT. */
async function streamed(client: RegistryClient, repository: string, { digest, bytes }: Blob): Promise<void> {
  const session = await start(client, repository);
  const location = await patch(client, session, { body: slowly(bytes), duplex: 'half', headers: OCTETS });
  await close(client, location, digest);
}

/** In chunks with Content-Range; the last one goes with the PUT. */
async function chunked(client: RegistryClient, repository: string, { digest, bytes }: Blob): Promise<void> {
  let location = await start(client, repository);
  const size = Math.max(1, Math.ceil(bytes.length / 3));
  let offset = 0;
  for (; offset + size < bytes.length; offset += size)
    location = await patch(client, location, chunk(bytes, offset, offset + size));
  await close(client, location, digest, chunk(bytes, offset, bytes.length));
}

/** The connection breaks midway; the client asks how far it came and goes on from there. */
async function cut(client: RegistryClient, repository: string, { digest, bytes }: Blob): Promise<void> {
  const session = await start(client, repository);
  const broken = new AbortController();
  const half = Math.floor(bytes.length / 2);
  async function* body() {
    yield* slowly(bytes.subarray(0, half));
    await delay(20);
    broken.abort();
  }
  const init = { method: 'PATCH', headers: OCTETS, body: body(), duplex: 'half', signal: broken.signal };
  await assert.rejects(client.request('PATCH', session, init as RequestInit));
  for (let tries = 0; ; tries++) {
    const answer = await status(await client.request('GET', session), 204);
    const end = Number(/^0-(\d+)$/.exec(answer.headers.get('range') ?? '')?.[1]);
    const offset = end === 0 ? 0 : end + 1;
    assert.ok(offset <= half, `the session claims ${offset} bytes of ${half}`);
    const location = locationOf(client, answer);
    const rest = await client.request('PATCH', location, chunk(bytes, offset, bytes.length));
    await rest.arrayBuffer();
    if (rest.status === 202) return close(client, locationOf(client, rest), digest);
    // The server may only now have noticed that the first connection broke, and recorded what came.
    assert.ok(rest.status === 416 && tries < 20, `resuming at ${offset} of ${bytes.length}: ${rest.status}`);
    await delay(100);
  }
}

async function start(client: RegistryClient, repository: string): Promise<string> {
  return locationOf(
    client,
    await status(await client.request('POST', `/v2/${repository}/blobs/uploads/`), 202),
  );
}

async function patch(client: RegistryClient, location: string, init: object): Promise<string> {
  return locationOf(client, await status(await client.request('PATCH', location, init), 202));
}

async function close(
  client: RegistryClient,
  location: string,
  digest: string,
  init: object = {},
): Promise<void> {
  const url = new URL(location);
  url.searchParams.set('digest', digest);
  await status(await client.request('PUT', url.href, init), 201);
}

function chunk(bytes: Buffer, from: number, to: number): object {
  if (from === to) return {};
  const headers = { ...OCTETS, 'content-range': `${from}-${to - 1}` };
  return { headers, body: new Uint8Array(bytes.subarray(from, to)) };
}

async function* slowly(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += 100_000) {
    yield new Uint8Array(bytes.subarray(offset, offset + 100_000));
    await delay(1);
  }
}

function locationOf(client: RegistryClient, answer: Response): string {
  const location = answer.headers.get('location');
  assert.ok(location, `${answer.url} answered without a Location`);
  return new URL(location, client.url).href;
}

async function status(answer: Response, expected: number): Promise<Response> {
  const text = await answer.text();
  assert.equal(answer.status, expected, `${answer.url}: ${text.slice(0, 300)}`);
  return answer;
}
