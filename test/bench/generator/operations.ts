import { createHash } from 'node:crypto';
import type { Answer, Connection } from './connection.js';
import { blockSize, type ContentBlocks } from './content.js';
import type { Call, Content, Operation, Pull, Push, Put } from './jobs.js';

/** What an operation needs besides itself. */
export interface Lane {
  readonly connection: Connection;
  /** A connection to where a redirect points, kept for the next one. */
  follow(origin: URL): Promise<Connection>;
  readonly blocks: ContentBlocks;
  readonly lenient: boolean;
}

const octets = 'Content-Type: application/octet-stream\r\n';

function headerLines(headers: Readonly<Record<string, string>> = {}): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}

function expectStatus(lane: Lane, answer: Answer, status: number, what: string): void {
  if (!lane.lenient && answer.status !== status)
    throw new Error(`${what}: ${answer.status}, wanted ${status}`);
}

/** Path and query of the upload session; absolute and relative Locations are both legal. */
function locationOf(answer: Answer, what: string): string {
  const location = answer.header('location');
  if (location === undefined) throw new Error(`${what}: no Location`);
  return location.replace(/^https?:\/\/[^/]+/, '');
}

function withDigest(location: string, digest: string): string {
  return `${location}${location.includes('?') ? '&' : '?'}digest=${digest.replace(':', '%3A')}`;
}

async function sendPlain(
  lane: Lane,
  content: Content,
  write: (bytes: Buffer) => Promise<void>,
): Promise<void> {
  for (let index = 0; index * blockSize < content.size; index++)
    await write(lane.blocks.block(content, index));
}

async function sendChunked(
  lane: Lane,
  content: Content,
  write: (bytes: Buffer) => Promise<void>,
): Promise<void> {
  for (let index = 0; index * blockSize < content.size; index++) {
    await write(lane.blocks.chunkedBlock(content, index));
  }
  await write(Buffer.from('0\r\n\r\n'));
}

async function push(lane: Lane, { mode, repository, content, digest }: Push): Promise<number> {
  const started = await lane.connection.exchange({
    method: 'POST',
    path: `/v2/${repository}/blobs/uploads/`,
    headers: 'Content-Length: 0\r\n',
  });
  expectStatus(lane, started, 202, 'POST upload');
  let location = locationOf(started, 'POST upload');
  if (mode === 'streamed') {
    const patched = await lane.connection.exchange({
      method: 'PATCH',
      path: location,
      headers: `${octets}Transfer-Encoding: chunked\r\n`,
      send: (write) => sendChunked(lane, content, write),
    });
    expectStatus(lane, patched, 202, 'PATCH upload');
    location = locationOf(patched, 'PATCH upload');
  }
  const finished = await lane.connection.exchange({
    method: 'PUT',
    path: withDigest(location, digest),
    ...(mode === 'streamed'
      ? { headers: 'Content-Length: 0\r\n' }
      : {
          headers: `${octets}Content-Length: ${content.size}\r\n`,
          send: (write) => sendPlain(lane, content, write),
        }),
  });
  expectStatus(lane, finished, 201, 'PUT upload');
  return content.size;
}

async function put(lane: Lane, { path, headers, content }: Put): Promise<number> {
  const answer = await lane.connection.exchange({
    method: 'PUT',
    path,
    headers: `${headerLines(headers)}${octets}Content-Length: ${content.size}\r\n`,
    send: (write) => sendPlain(lane, content, write),
  });
  expectStatus(lane, answer, 201, `PUT ${path}`);
  return content.size;
}

/** Where the blob is to be read from: the server itself, or where it points. */
async function sourceOf(lane: Lane, pull: Pull): Promise<{ connection: Connection; path: string }> {
  const { connection } = lane;
  const { path, headers, redirected } = pull;
  if (!redirected) return { connection, path };
  const answer = await connection.exchange({ method: 'GET', path, headers: headerLines(headers) });
  expectStatus(lane, answer, 307, `GET ${path}`);
  const location = answer.header('location') ?? '';
  const { origin } = new URL(location);
  return { connection: await lane.follow(new URL(origin)), path: location.slice(origin.length) };
}

async function pull(lane: Lane, operation: Pull): Promise<number> {
  const { content, digest, verify } = operation;
  const what = `GET ${operation.path}`; // not where it was read: a signed URL is a secret
  const { connection, path } = await sourceOf(lane, operation);
  const hash = verify === 'sha256' ? createHash('sha256') : undefined;
  let received = 0;
  let same = true;
  const answer = await connection.exchange({
    method: 'GET',
    path,
    headers: operation.redirected ? '' : headerLines(operation.headers),
    sink: (bytes) => {
      hash?.update(bytes);
      if (!hash) same = lane.blocks.matches(content, received, bytes) && same;
      received += bytes.length;
    },
  });
  if (lane.lenient) return received;
  expectStatus(lane, answer, 200, what);
  if (received !== content.size) throw new Error(`${what}: ${received} bytes, wanted ${content.size}`);
  if (!same || (hash && `sha256:${hash.digest('hex')}` !== digest)) throw new Error(`${what}: wrong bytes`);
  return received;
}

async function call(lane: Lane, operation: Call): Promise<number> {
  const { method, path, body } = operation;
  let headers = headerLines(operation.headers);
  if (body || method === 'PUT' || method === 'POST') headers += `Content-Length: ${body?.length ?? 0}\r\n`;
  const hash = operation.sha256 === undefined ? undefined : createHash('sha256');
  let received = 0;
  const answer = await lane.connection.exchange({
    method,
    path,
    headers,
    ...(body ? { body } : {}),
    sink: (bytes) => {
      hash?.update(bytes);
      received += bytes.length;
    },
  });
  if (lane.lenient) return received + (body?.length ?? 0);
  expectStatus(lane, answer, operation.status, `${method} ${path}`);
  if (operation.length !== undefined && answer.length !== operation.length) {
    throw new Error(`${method} ${path}: Content-Length ${answer.length}, wanted ${operation.length}`);
  }
  if (hash && hash.digest('hex') !== operation.sha256) throw new Error(`${method} ${path}: wrong sha256`);
  return received + (body?.length ?? 0);
}

/** Does one operation and checks its answers. Returns the body bytes moved; throws on any wrong answer. */
export async function perform(lane: Lane, operation: Operation): Promise<number> {
  switch (operation.kind) {
    case 'push':
      return push(lane, operation);
    case 'put':
      return put(lane, operation);
    case 'pull':
      return pull(lane, operation);
    case 'call':
      return call(lane, operation);
    case 'sequence': {
      let bytes = 0;
      for (const step of operation.steps) bytes += await perform(lane, step);
      return bytes;
    }
  }
}
