import assert from 'node:assert/strict';
import request from 'supertest';
import { MEDIA_TYPE } from '../../src/domain/media-type.js';
import { RegistryNode, STORE_NAMES, openStore } from '../support/in-process.js';
import type { StoreName, TestStore } from '../support/in-process.js';
import { Client, digestOf } from './client.js';
import { EMPTY_JSON, bytesOf, imageOf } from './content.js';

interface Call {
  readonly method: string;
  /** `<session>` stands for the Location that was answered last. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly status: number;
  /** Some of the headers; the others must be the same too. */
  readonly expected?: Readonly<Record<string, string>>;
}

interface Seen {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

const LAYER = bytesOf(300);
const CONFIG = digestOf(EMPTY_JSON);
const IMAGE = imageOf([LAYER]);
const SIGNATURE = imageOf([], {
  subject: { mediaType: MEDIA_TYPE.ociManifest, digest: IMAGE.digest, size: 1 },
});
const manifest = { 'content-type': MEDIA_TYPE.ociManifest };

/** One life of a repository; each call rests on those before it. */
const CALLS: readonly Call[] = [
  { method: 'GET', path: '/v2/', status: 200, expected: { 'content-length': '2' } },
  { method: 'HEAD', path: '/v2/', status: 200, expected: { 'content-length': '2' } },
  { method: 'GET', path: '/v2', status: 200 },
  { method: 'GET', path: '/v2/_oci/ext/discover', status: 200 },
  { method: 'GET', path: '/V2/', status: 404 },
  { method: 'GET', path: '/v2/a', status: 404 },
  { method: 'GET', path: '/v2/A/tags/list', status: 400 },
  { method: 'GET', path: '/v2/a%2Fb/tags/list', status: 400 },
  { method: 'GET', path: '/v2/a/%zz/list', status: 404 },
  { method: 'PUT', path: '/v2/', status: 405, expected: { allow: 'GET, HEAD' } },
  { method: 'OPTIONS', path: '/v2/a/tags/list', status: 405, expected: { allow: 'GET' } },
  { method: 'GET', path: '/v2/a/b/tags/list', status: 404 },
  { method: 'GET', path: '/v2/_catalog', status: 200 },
  { method: 'POST', path: `/v2/a/b/blobs/uploads/?digest=${CONFIG}`, body: EMPTY_JSON, status: 201 },
  {
    method: 'POST',
    path: '/v2/a/b/blobs/uploads/',
    status: 202,
    expected: { range: '0-0', 'oci-chunk-min-length': '1048576' },
  },
  {
    method: 'PATCH',
    path: '<session>',
    body: LAYER.subarray(0, 100),
    status: 202,
    expected: { range: '0-99' },
  },
  {
    method: 'PATCH',
    path: '<session>',
    headers: { 'content-range': '0-9' },
    body: LAYER.subarray(0, 10),
    status: 416,
    expected: { range: '0-99' },
  },
  { method: 'GET', path: '<session>', status: 204, expected: { range: '0-99' } },
  { method: 'PUT', path: '<session>', status: 400 },
  {
    method: 'PUT',
    path: `<session>&digest=${digestOf(LAYER)}`,
    headers: { 'content-range': '100-299' },
    body: LAYER.subarray(100),
    status: 201,
    expected: { location: `/v2/a/b/blobs/${digestOf(LAYER)}`, 'docker-content-digest': digestOf(LAYER) },
  },
  { method: 'POST', path: '/v2/a/b/blobs/uploads/', status: 202 },
  { method: 'DELETE', path: '<session>', status: 204 },
  { method: 'GET', path: '<session>', status: 404 },
  {
    method: 'GET',
    path: `/v2/a/b/blobs/${digestOf(LAYER)}`,
    status: 200,
    expected: { 'content-length': '300' },
  },
  {
    method: 'HEAD',
    path: `/v2/a/b/blobs/${digestOf(LAYER)}`,
    status: 200,
    expected: { 'content-length': '300' },
  },
  {
    method: 'GET',
    path: `/v2/a/b/blobs/${digestOf(LAYER)}`,
    headers: { range: 'bytes=-10' },
    status: 206,
    expected: { 'content-range': 'bytes 290-299/300', 'content-length': '10' },
  },
  {
    method: 'GET',
    path: `/v2/a/b/blobs/${digestOf(LAYER)}`,
    headers: { range: 'bytes=300-' },
    status: 416,
    expected: { 'content-range': 'bytes */300' },
  },
  {
    method: 'GET',
    path: `/v2/a/b/blobs/${CONFIG}`,
    headers: { 'if-none-match': `"${CONFIG}"` },
    status: 304,
  },
  { method: 'POST', path: `/v2/c/blobs/uploads/?mount=${CONFIG}&from=a/b`, status: 201 },
  { method: 'PUT', path: '/v2/a/b/manifests/t', headers: manifest, body: Buffer.from('{'), status: 400 },
  { method: 'PUT', path: '/v2/c/manifests/t', headers: manifest, body: IMAGE.bytes, status: 400 },
  {
    method: 'PUT',
    path: '/v2/a/b/manifests/t',
    headers: manifest,
    body: Buffer.alloc(5_000_000, ' '),
    status: 413,
  },
  {
    method: 'PUT',
    path: '/v2/a/b/manifests/t',
    headers: manifest,
    body: IMAGE.bytes,
    status: 201,
    expected: { location: `/v2/a/b/manifests/${IMAGE.digest}`, 'docker-content-digest': IMAGE.digest },
  },
  {
    method: 'PUT',
    path: `/v2/a/b/manifests/${SIGNATURE.digest}?tag=s&tag=u`,
    headers: manifest,
    body: SIGNATURE.bytes,
    status: 201,
    expected: { 'oci-subject': IMAGE.digest, 'oci-tag': 's, u' },
  },
  {
    method: 'GET',
    path: '/v2/a/b/manifests/t',
    status: 200,
    expected: {
      'content-type': MEDIA_TYPE.ociManifest,
      etag: `"${IMAGE.digest}"`,
      'content-length': String(IMAGE.bytes.byteLength),
    },
  },
  { method: 'HEAD', path: `/v2/a/b/manifests/${IMAGE.digest}`, status: 200 },
  { method: 'GET', path: '/v2/a/b/manifests/t', headers: { accept: MEDIA_TYPE.ociIndex }, status: 404 },
  { method: 'GET', path: '/v2/a/b/manifests/t', headers: { 'if-none-match': IMAGE.digest }, status: 304 },
  { method: 'HEAD', path: '/v2/a/b/manifests/none', status: 404 },
  {
    method: 'GET',
    path: '/v2/a/b/tags/list?n=1',
    status: 200,
    expected: { link: '</v2/a/b/tags/list?last=s&n=1>; rel="next"' },
  },
  { method: 'GET', path: '/v2/a/b/tags/list?n=x', status: 400 },
  {
    method: 'GET',
    path: '/v2/_catalog?n=1',
    status: 200,
    expected: { link: '</v2/_catalog?last=a%2Fb&n=1>; rel="next"' },
  },
  {
    method: 'GET',
    path: `/v2/a/b/referrers/${IMAGE.digest}?artifactType=application%2Fvnd.oci.empty.v1%2Bjson`,
    status: 200,
    expected: { 'content-type': MEDIA_TYPE.ociIndex, 'oci-filters-applied': 'artifactType' },
  },
  { method: 'DELETE', path: '/v2/a/b/manifests/u', status: 202, expected: { 'content-length': '0' } },
  { method: 'DELETE', path: `/v2/a/b/manifests/${IMAGE.digest}`, status: 202 },
  { method: 'DELETE', path: `/v2/a/b/manifests/${IMAGE.digest}`, status: 404 },
  { method: 'DELETE', path: `/v2/a/b/blobs/${CONFIG}`, status: 202 },
  { method: 'GET', path: `/v2/a/b/blobs/${CONFIG}`, status: 404 },
  { method: 'GET', path: '/healthz', status: 200 },
  { method: 'GET', path: '/readyz', status: 200 },
  { method: 'GET', path: '/elsewhere', status: 404 },
];

/** Answers a call, its path complete. */
type Sender = (call: Call) => Promise<Seen>;

for (const name of STORE_NAMES) {
  describe(`the Express app and the front [${name}]`, () => {
    let viaApp: Seen[] = [];
    let viaFront: Seen[] = [];

    before(async () => {
      const time = Date.now();
      [viaApp, viaFront] = await Promise.all([
        seenBy(name, time, (node) => (call) => throughApp(node, call)),
        seenBy(name, time, (node) => (call) => throughFront(new Client(node), call)),
      ]);
    });

    for (const [index, { method, path, status, expected = {} }] of CALLS.entries()) {
      it(`${index + 1}. ${method} ${path.replaceAll(/[0-9a-f]{60,}/g, '…')}: ${status}, the same from both`, () => {
        for (const seen of [viaApp[index], viaFront[index]]) {
          assert.ok(seen);
          assert.equal(seen.status, status, seen.body);
          for (const [header, value] of Object.entries(expected)) assert.equal(seen.headers[header], value);
        }
        assert.deepEqual(viaApp[index], viaFront[index]);
      });
    }
  });
}

async function seenBy(
  name: StoreName,
  time: number,
  senderTo: (node: RegistryNode) => Sender,
): Promise<Seen[]> {
  const store: TestStore = await openStore(name);
  store.clock.advance(time - store.clock.now()); // ids of sessions tell the time
  const node = await RegistryNode.start(store);
  const send = senderTo(node);
  const seen: Seen[] = [];
  let session = '';
  for (const call of CALLS) {
    const answer = await send({ ...call, path: call.path.replace('<session>', session) });
    const { location } = answer.headers;
    if (typeof location === 'string' && location.includes('/uploads/')) session = location;
    seen.push(answer);
  }
  await node.close();
  await store.remove();
  return seen;
}

async function throughFront(client: Client, { method, path, headers = {}, body }: Call): Promise<Seen> {
  const answer = await client.call(method, path, { headers, ...(body !== undefined && { body }) });
  return seenOf(answer.status, answer.headers, answer.body);
}

async function throughApp(node: RegistryNode, { method, path, headers = {}, body }: Call): Promise<Seen> {
  const agent = request(node.app);
  const call = agent[method.toLowerCase() as 'get'](path)
    .set({ ...headers, 'Accept-Encoding': '' })
    .buffer(true)
    .parse((res, done) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('end', () => done(null, Buffer.concat(chunks)));
    });
  if (body !== undefined && headers['content-type'] === undefined) call.type('application/octet-stream');
  const answer = await (body === undefined
    ? call
    : call.serialize((bytes) => bytes as unknown as string).send(body));
  return seenOf(answer.status, answer.headers, (answer.body as Buffer | undefined) ?? '');
}

const OF_THE_CONNECTION: readonly string[] = ['connection', 'keep-alive', 'date'];

/** Without what tells of the connection and of the time. */
function seenOf(status: number, headers: Readonly<Record<string, unknown>>, body: Buffer | string): Seen {
  const kept = Object.entries(headers).filter(([name]) => !OF_THE_CONNECTION.includes(name));
  return {
    status,
    headers: Object.fromEntries(kept),
    body: Buffer.isBuffer(body) ? body.toString('latin1') : '',
  };
}
