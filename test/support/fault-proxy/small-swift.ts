import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Port } from './port.js';

/** A request as it reached the server. */
export interface Received {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  body: Buffer;
  /** False while, and if, its body has not come to its end. */
  whole: boolean;
  /** Settles when the body ended or the connection broke. */
  readonly over: Promise<void>;
}

/** As much of Swift as the tests of the proxy need: v1 login, objects, listings, bulk delete. */
export interface SmallSwift {
  readonly url: URL;
  readonly token: string;
  readonly received: readonly Received[];
  /** By path, `/v1/ACCOUNT/CONTAINER/OBJECT`, decoded. */
  readonly objects: Map<string, Buffer>;
  stop(): Promise<void>;
}

const TOKEN = 'AUTH_tk0123456789';

export async function startSmallSwift(): Promise<SmallSwift> {
  const received: Received[] = [];
  const objects = new Map<string, Buffer>();
  const server = createServer();
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url = '', rawHeaders } = request;
    let done: () => void = () => undefined;
    const over = new Promise<void>((resolve) => (done = resolve));
    const entry: Received = { method, url, rawHeaders, body: Buffer.alloc(0), whole: false, over };
    received.push(entry);
    const { pathname, searchParams } = new URL(url, 'http://swift.test');
    const path = decodeURIComponent(pathname);
    if (path === '/auth/v1.0') return logIn(response);
    if (request.headers['x-auth-token'] !== TOKEN) return answer(response, 401);
    if (request.headers.expect !== undefined) response.writeContinue();
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        entry.body = Buffer.concat([entry.body, chunk]);
      }
    } catch {
      return; // the client is gone
    } finally {
      entry.whole = request.complete;
      done();
    }
    if (searchParams.has('bulk-delete')) return bulkDelete(entry.body, objects, response);
    if (/^\/v1\/[^/]+\/[^/]+\/?$/.test(path))
      return list(`${path.replace(/\/$/, '')}/`, searchParams, response);
    serveObject(entry, path, response);
  };

  function list(container: string, query: URLSearchParams, response: ServerResponse): void {
    const names = [...objects.keys()].filter((key) => key.startsWith(container));
    const rows = listed(
      names.map((key) => key.slice(container.length)),
      query,
    ).map((key) => {
      const bytes = objects.get(container + key);
      return bytes === undefined ? { subdir: key } : { name: key, bytes: bytes.length, hash: md5(bytes) };
    });
    answer(response, 200, JSON.stringify(rows));
  }

  function serveObject({ method, body }: Received, path: string, response: ServerResponse): void {
    const stored = objects.get(path);
    if (method === 'PUT') {
      objects.set(path, body);
      return answer(response, 201, '', { Etag: md5(body) });
    }
    if (stored === undefined) return answer(response, 404, 'not here');
    if (method === 'DELETE') {
      objects.delete(path);
      return answer(response, 204);
    }
    answer(response, 200, stored, { 'X-Object-Meta-Name': 'na\u00efve' });
  }

  for (const event of ['request', 'checkContinue'])
    server.on(event, (...pair) => void serve(...(pair as Pair)));
  const port = new Port(server);
  await port.open();
  return {
    url: new URL(port.origin),
    token: TOKEN,
    received,
    objects,
    stop: () => port.close(),
  };
}

type Pair = [IncomingMessage, ServerResponse];

function logIn(response: ServerResponse): void {
  const storageUrl = 'http://swift.test:8080/v1/AUTH_test';
  answer(response, 200, '', {
    'X-Storage-Url': storageUrl,
    'X-Auth-Token': TOKEN,
    'X-Storage-Token': TOKEN,
  });
}

function bulkDelete(body: Buffer, objects: Map<string, Buffer>, response: ServerResponse): void {
  const deleted = body
    .toString()
    .split('\n')
    .filter((name) => objects.delete(`/v1/AUTH_test${decodeURIComponent(name)}`));
  answer(response, 200, JSON.stringify({ 'Response Status': '200 OK', 'Number Deleted': deleted.length }));
}

/** The names and subdirectories that a listing shows; two rows at most where no limit is given. */
function listed(names: readonly string[], query: URLSearchParams): string[] {
  const [prefix, delimiter, marker, end] = ['prefix', 'delimiter', 'marker', 'end_marker'].map(
    (name) => query.get(name) ?? '',
  ) as [string, string, string, string];
  const keys = names
    .filter((name) => name.startsWith(prefix) && name > marker && (end === '' || name < end))
    .map((name) => {
      const at = delimiter === '' ? -1 : name.indexOf(delimiter, prefix.length);
      return at < 0 ? name : name.slice(0, at + 1);
    })
    .filter((key) => key !== marker);
  return [...new Set(keys)].sort().slice(0, Number(query.get('limit') ?? 2));
}

function answer(
  response: ServerResponse,
  status: number,
  body: string | Buffer = '',
  headers: Readonly<Record<string, string>> = {},
): void {
  const length = status === 204 ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
  response.writeHead(status, { ...length, ...headers });
  response.end(body);
}

function md5(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex');
}
