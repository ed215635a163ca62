import type { OutgoingHttpHeader, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';

/** Name, value, name, value …: the form that node writes fastest. */
export type HeaderList = readonly OutgoingHttpHeader[];

/** Of every answer of the registry API; no browser shall take content for something else. */
export const COMMON_HEADERS: HeaderList = [
  'Docker-Distribution-API-Version',
  'registry/2.0',
  'X-Content-Type-Options',
  'nosniff',
];

/** An answer whose whole body is in memory; HEAD sends the same headers and no body. */
export function send(
  res: ServerResponse,
  status: number,
  headers: HeaderList,
  body?: Uint8Array | string,
): void {
  const length = body === undefined ? 0 : Buffer.byteLength(body);
  res.writeHead(status, [
    ...COMMON_HEADERS,
    ...headers,
    'Content-Length',
    String(length),
  ] as OutgoingHttpHeader[]);
  res.end(res.req.method === 'HEAD' ? undefined : body);
}

/** The head of an answer that has no body though its headers tell one's length, or whose body follows. */
export function sendHead(res: ServerResponse, status: number, headers: HeaderList): void {
  res.writeHead(status, [...COMMON_HEADERS, ...headers] as OutgoingHttpHeader[]);
}

/**
 * Sends a body whose head was sent, taking a chunk only when the one before has left; ends quietly where the
 * client goes away. Half the CPU of stream.pipeline. @throws what the body fails with; the connection is then cut
 */
export function sendBody(res: ServerResponse, body: Readable): Promise<void> {
  if (res.destroyed) {
    body.destroy();
    return Promise.resolve();
  }
  return new Promise((resolve, reject) => {
    body.on('data', (chunk: Buffer) => {
      body.pause();
      res.write(chunk, () => body.resume());
    });
    body.once('end', () => res.end());
    body.once('error', (error) => {
      reject(error);
      res.destroy();
    });
    res.once('close', () => {
      body.destroy();
      resolve();
    });
  });
}

/** RFC 9110 §15.4.5. */
export function sendNotModified(res: ServerResponse, etag: string): void {
  sendHead(res, 304, ['ETag', etag]);
  res.end();
}

export function sendJson(res: ServerResponse, status: number, headers: HeaderList, value: unknown): void {
  send(res, status, ['Content-Type', 'application/json', ...headers], JSON.stringify(value));
}

/** If-None-Match with quoted, weak or bare tags (RFC 9110 §13.1.2; some clients leave the quotes out). */
export function matchesEtag(header: string | undefined, digest: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((candidate) => {
    const tag = candidate.trim().replace(/^W\//, '').replaceAll('"', '');
    return tag === digest || tag === '*';
  });
}
