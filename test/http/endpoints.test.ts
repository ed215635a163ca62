import assert from 'node:assert/strict';
import { Digest } from '../../src/domain/digest.js';
import { RegistryNode, onEveryStore, onStore } from '../support/in-process.js';
import { Client, digestOf } from './client.js';
import { EMPTY_JSON, bytesOf, imageOf, indexOf } from './content.js';
import { failing } from './failing-driver.js';

const IMAGE = imageOf();
const BLOB = digestOf(EMPTY_JSON);
const MISSING = digestOf(bytesOf(7, 7));

/** A method, a path, its status, the code of an error. */
type Row = readonly [method: string, path: string, status: number, code?: string];

onEveryStore('endpoints', (bench) => {
  let client: Client;
  beforeEach(async () => {
    client = new Client(bench().node);
    await client.pushBlob('a', EMPTY_JSON);
    await client.pushManifest('a', 't', IMAGE);
  });

  const rows: Readonly<Record<string, readonly Row[]>> = {
    'the base': [
      ['GET', '/v2/', 200],
      ['HEAD', '/v2/', 200],
      ['GET', '/v2', 200],
      ['HEAD', '/v2', 200],
      ['GET', '/v2/_oci/ext/discover', 200],
      ['GET', '/v2/a/_oci/ext/discover', 200],
    ],
    lists: [
      ['GET', '/v2/a/tags/list', 200],
      ['GET', '/v2/_catalog', 200],
      ['GET', `/v2/a/referrers/${IMAGE.digest}`, 200],
      ['GET', '/v2/none/tags/list', 404, 'NAME_UNKNOWN'],
      ['GET', '/v2/a/tags/list?n=-1', 400, 'PAGINATION_NUMBER_INVALID'],
      ['GET', '/v2/a/tags/list?n=x', 400, 'PAGINATION_NUMBER_INVALID'],
      ['GET', '/v2/a/tags/list?n=', 400, 'PAGINATION_NUMBER_INVALID'],
      ['GET', '/v2/_catalog?n=1.5', 400, 'PAGINATION_NUMBER_INVALID'],
      ['GET', '/v2/_catalog?n=99999999999999999999', 400, 'PAGINATION_NUMBER_INVALID'],
      ['GET', `/v2/a/referrers/${IMAGE.digest}?n=0x1`, 400, 'PAGINATION_NUMBER_INVALID'],
      ['GET', '/v2/a/referrers/sha256:1', 400, 'DIGEST_INVALID'],
      ['GET', '/v2/a/referrers/t', 400, 'DIGEST_INVALID'],
    ],
    manifests: [
      ['GET', '/v2/a/manifests/t', 200],
      ['HEAD', `/v2/a/manifests/${IMAGE.digest}`, 200],
      ['GET', '/v2/a/manifests/none', 404, 'MANIFEST_UNKNOWN'],
      ['HEAD', '/v2/a/manifests/none', 404],
      ['GET', `/v2/a/manifests/${MISSING}`, 404, 'MANIFEST_UNKNOWN'],
      ['GET', `/v2/none/manifests/${IMAGE.digest}`, 404, 'MANIFEST_UNKNOWN'],
      ['GET', '/v2/a/manifests/sha256:baddigeststring', 400, 'DIGEST_INVALID'],
      ['GET', `/v2/a/manifests/blake3:${'0'.repeat(64)}`, 404, 'MANIFEST_UNKNOWN'],
      ['GET', `/v2/a/manifests/-not-a-tag`, 404, 'MANIFEST_UNKNOWN'],
      ['GET', '/v2/a/manifests/', 404, 'MANIFEST_UNKNOWN'],
      ['DELETE', '/v2/a/manifests/none', 404, 'MANIFEST_UNKNOWN'],
      ['DELETE', `/v2/a/manifests/${MISSING}`, 404, 'MANIFEST_UNKNOWN'],
      ['DELETE', '/v2/a/manifests/sha256:1', 400, 'DIGEST_INVALID'],
      ['DELETE', '/v2/a/manifests/t', 202],
      ['DELETE', `/v2/a/manifests/${IMAGE.digest}`, 202],
    ],
    blobs: [
      ['GET', `/v2/a/blobs/${BLOB}`, 200],
      ['HEAD', `/v2/a/blobs/${BLOB}`, 200],
      ['GET', `/v2/a/blobs/${BLOB.replace(':', '%3A')}`, 200],
      ['GET', `/v2/a/blobs/${MISSING}`, 404, 'BLOB_UNKNOWN'],
      ['HEAD', `/v2/a/blobs/${MISSING}`, 404],
      ['GET', `/v2/a/blobs/${IMAGE.digest}`, 404, 'BLOB_UNKNOWN'],
      ['GET', '/v2/a/blobs/nothing', 400, 'DIGEST_INVALID'],
      ['DELETE', `/v2/a/blobs/${MISSING}`, 404, 'BLOB_UNKNOWN'],
      ['DELETE', `/v2/a/blobs/${BLOB}`, 202],
    ],
    uploads: [
      ['POST', '/v2/a/blobs/uploads/', 202],
      ['GET', '/v2/a/blobs/uploads/none', 404, 'BLOB_UPLOAD_UNKNOWN'],
      ['PATCH', '/v2/a/blobs/uploads/none', 404, 'BLOB_UPLOAD_UNKNOWN'],
      ['PUT', `/v2/a/blobs/uploads/none?digest=${BLOB}`, 404, 'BLOB_UPLOAD_UNKNOWN'],
      ['DELETE', '/v2/a/blobs/uploads/none', 404, 'BLOB_UPLOAD_UNKNOWN'],
    ],
    'names that are none': [
      ['GET', '/v2/A/tags/list', 400, 'NAME_INVALID'],
      ['GET', '/v2/a//b/tags/list', 400, 'NAME_INVALID'],
      ['GET', '/v2/a/../b/tags/list', 400, 'NAME_INVALID'],
      ['GET', '/v2/a%2Fb/tags/list', 400, 'NAME_INVALID'],
      ['GET', '/v2/-a/manifests/t', 400, 'NAME_INVALID'],
      ['GET', `/v2/${'a'.repeat(256)}/tags/list`, 400, 'NAME_INVALID'],
      ['POST', '/v2/a___b/blobs/uploads/', 400, 'NAME_INVALID'],
      ['GET', '/v2/%61/tags/list', 400, 'NAME_INVALID'],
    ],
    'paths that are none': [
      ['GET', '/v2/a', 404, 'NAME_UNKNOWN'],
      ['GET', '/v2/tags/list', 404, 'NAME_UNKNOWN'],
      ['GET', '/v2/_catalog/', 404, 'NAME_UNKNOWN'],
      ['POST', '/v2/blobs/uploads/', 404, 'NAME_UNKNOWN'],
      ['GET', '/v2/a/tags/', 404, 'NAME_UNKNOWN'],
      ['GET', '/v2/a/manifests/x%2Fy', 404, 'NAME_UNKNOWN'],
      ['GET', '/v2/a/manifests/%zz', 404, 'NAME_UNKNOWN'],
      ['GET', '/v1/', 404, 'UNSUPPORTED'],
      ['GET', '/V2/', 404, 'UNSUPPORTED'],
      ['GET', '/', 404, 'UNSUPPORTED'],
    ],
  };
  for (const [group, cases] of Object.entries(rows)) {
    it(`${group}: every status and code`, async () => {
      for (const [method, path, status, code] of cases) {
        const answer = await client.call(method, path);
        if (code === undefined)
          assert.equal(answer.status, status, `${method} ${path}: ${answer.body.toString()}`);
        else answer.expectError(status, code);
        if (path.startsWith('/v2'))
          assert.equal(answer.header('docker-distribution-api-version'), 'registry/2.0');
        assert.equal(answer.header('x-content-type-options'), 'nosniff');
        if (method === 'HEAD') assert.equal(answer.body.byteLength, 0);
        if (method === 'DELETE' && status === 202) assert.equal(answer.header('content-length'), '0');
      }
    });
  }

  it('the base is {} of 2 bytes', async () => {
    for (const path of ['/v2/', '/v2']) {
      const answer = await client.get(path);
      assert.equal(answer.body.toString(), '{}');
      assert.equal(answer.header('content-length'), '2');
    }
    assert.deepEqual((await client.get('/v2/_oci/ext/discover')).json(), { extensions: [] });
  });

  const allowed: [string, string][] = [
    ['/v2/', 'GET, HEAD'],
    ['/v2/_catalog', 'GET'],
    ['/v2/_oci/ext/discover', 'GET'],
    ['/v2/a/tags/list', 'GET'],
    [`/v2/a/referrers/${BLOB}`, 'GET'],
    ['/v2/a/manifests/t', 'GET, HEAD, PUT, DELETE'],
    [`/v2/a/blobs/${BLOB}`, 'GET, HEAD, DELETE'],
    ['/v2/a/blobs/uploads/', 'POST'],
    ['/v2/a/blobs/uploads/x', 'GET, PATCH, PUT, DELETE'],
  ];
  it('any other method is 405 with Allow, and the connection stays', async () => {
    for (const [path, allow] of allowed) {
      for (const method of [
        'GET',
        'HEAD',
        'POST',
        'PUT',
        'PATCH',
        'DELETE',
        'OPTIONS',
        'TRACE',
        'PROPFIND',
      ]) {
        if (allow.split(', ').includes(method)) continue;
        const answer = (await client.call(method, path)).expect(405);
        if (method !== 'HEAD') answer.expectError(405, 'UNSUPPORTED');
        assert.equal(answer.header('allow'), allow);
        assert.equal(answer.header('connection'), 'keep-alive', `${method} ${path}`);
      }
    }
  });

  it('an error has code, message and the right length; HEAD has its headers and no body', async () => {
    const get = (await client.get('/v2/a/manifests/none')).expectError(404, 'MANIFEST_UNKNOWN');
    assert.deepEqual(get.errors, [
      { code: 'MANIFEST_UNKNOWN', message: 'manifest unknown', detail: { tag: 'none' } },
    ]);
    assert.equal(get.header('content-length'), String(get.body.byteLength));
    const head = (await client.head('/v2/a/manifests/none')).expect(404);
    assert.equal(head.header('content-type'), 'application/json');
    assert.equal(head.body.byteLength, 0);
  });

  it('names may hold blobs/uploads, tags, manifests, referrers and blobs', async () => {
    const names = [
      'blobs/uploads',
      'x/blobs/uploads',
      'x/blobs/uploads/blobs/uploads',
      'tags',
      'x/tags/list',
      'manifests/manifests',
      'x/manifests/latest',
      'referrers/blobs',
      'v2/v2',
    ];
    for (const name of names) {
      const blob = await client.pushBlob(name, EMPTY_JSON);
      for (const tag of ['uploads', 'list', 'tags']) await client.pushManifest(name, tag, IMAGE);
      assert.deepEqual(await client.tags(name), ['list', 'tags', 'uploads']);
      for (const reference of ['uploads', 'list', IMAGE.digest]) {
        (await client.get(`/v2/${name}/manifests/${reference}`)).expect(200);
      }
      (await client.get(`/v2/${name}/blobs/${blob}`)).expect(200);
      assert.deepEqual(await client.referrers(name, IMAGE.digest), []);
      const location = await client.openUpload(name);
      assert.ok(location.startsWith(`/v2/${name}/blobs/uploads/`), location);
      (await client.get(location)).expect(204);
      (await client.call('DELETE', location)).expect(204);
    }
    const { repositories } = (await client.get('/v2/_catalog')).json() as { repositories: string[] };
    assert.deepEqual(new Set(repositories), new Set([...names, 'a']));
  });

  it('If-None-Match: quoted, bare, weak, listed and * are 304; anything else is 200', async () => {
    for (const [path, digest] of [
      [`/v2/a/blobs/${BLOB}`, BLOB],
      ['/v2/a/manifests/t', IMAGE.digest],
    ] as const) {
      const hits = [`"${digest}"`, digest, `W/"${digest}"`, `"x", "${digest}"`, `x,${digest}`, '*'];
      for (const method of ['GET', 'HEAD']) {
        for (const header of hits) {
          const answer = (await client.call(method, path, { headers: { 'if-none-match': header } })).expect(
            304,
          );
          assert.equal(answer.body.byteLength, 0);
          assert.equal(answer.headers['content-length'] ?? '0', '0');
        }
        for (const header of ['"x"', `"${MISSING}"`, digest.slice(0, -1), '""']) {
          (await client.call(method, path, { headers: { 'if-none-match': header } })).expect(200);
        }
      }
    }
    const missing = { 'if-none-match': `"${MISSING}"` };
    (await client.get(`/v2/a/blobs/${MISSING}`, missing)).expectError(404, 'BLOB_UNKNOWN');
  });

  it('an opened upload tells the least size of a chunk, and takes smaller ones', async () => {
    const opened = await client.call('POST', '/v2/a/blobs/uploads/');
    assert.equal(opened.expect(202).header('oci-chunk-min-length'), '1048576');
    const bytes = bytesOf(30);
    let location = opened.header('location');
    for (const start of [0, 10, 20]) {
      const patched = await client.patchChunk(location, start, bytes.subarray(start, start + 10));
      location = patched.expect(202).header('location');
    }
    (await client.close(location, digestOf(bytes))).expect(201);
  });

  it('a whole blob whose membership is not known is two requests to the store, a known one is one', async () => {
    const { another } = bench();
    for (const [name, headers] of [
      ['whole', {}],
      ['conditional', { 'if-none-match': '"other"' }],
    ] as const) {
      const fresh = await another();
      const read = async (): Promise<void> => {
        const { body } = await new Client(fresh).get(`/v2/a/blobs/${BLOB}`, headers);
        assert.ok(body.equals(EMPTY_JSON));
      };
      const cold = await fresh.countOf(read);
      assert.deepEqual(cold, { read: 1, get: 1, ...(name === 'conditional' && { stat: 1 }) }, name);
      assert.deepEqual(await fresh.countOf(read), { get: 1 }, name);
    }
  });

  it('a damaged blob or manifest is not there for HEAD of those who may push', async () => {
    const { registry } = bench().node;
    for (const [path, digest] of [
      [`/v2/a/blobs/${BLOB}`, BLOB],
      ['/v2/a/manifests/t', IMAGE.digest],
      [`/v2/a/manifests/${IMAGE.digest}`, IMAGE.digest],
    ] as const) {
      (await client.head(path)).expect(200);
      await registry.damaged.mark(Digest.parse(digest));
      (await client.head(path)).expect(404);
      await registry.damaged.repaired(
        Digest.parse(digest),
        digest === BLOB ? EMPTY_JSON.byteLength : IMAGE.bytes.byteLength,
      );
      (await client.head(path)).expect(200);
    }
  });

  it('a repository that is not there stays unknown, however often it is asked for', async () => {
    for (let time = 1; time <= 3; time++)
      (await client.get('/v2/none/tags/list')).expectError(404, 'NAME_UNKNOWN');
    await client.pushBlob('none', EMPTY_JSON);
    assert.deepEqual(await client.tags('none'), []);
    await client.pushManifest('none', 't', IMAGE);
    assert.deepEqual(await client.tags('none'), ['t']);
  });
});

describe('endpoints with deletion off', () => {
  onStore(
    'memory',
    (bench) => {
      it('DELETE of manifests, tags and blobs is 405 UNSUPPORTED, of uploads 204', async () => {
        const client = new Client(bench().node);
        const blob = await client.pushBlob('a', EMPTY_JSON);
        await client.pushManifest('a', 't', IMAGE);
        for (const path of [
          'manifests/t',
          `manifests/${IMAGE.digest}`,
          `blobs/${blob}`,
          `blobs/${MISSING}`,
        ]) {
          (await client.call('DELETE', `/v2/a/${path}`)).expectError(405, 'UNSUPPORTED');
        }
        (await client.get('/v2/a/manifests/t')).expect(200);
        (await client.call('DELETE', await client.openUpload('a'))).expect(204);
      });
    },
    { delete: false },
  );
});

describe('endpoints over a store that does not answer', () => {
  onStore('memory', (bench) => {
    it('everything is 503 UNAVAILABLE with Retry-After, never 404', async () => {
      const { store } = bench();
      const state = { out: false };
      const node = await RegistryNode.start(store, {
        driver: failing(store.driver(), state),
        cacheMaxAge: 0,
      });
      const client = new Client(node);
      try {
        await client.pushBlob('a', EMPTY_JSON);
        await client.pushManifest('a', 't', IMAGE);
        const location = await client.openUpload('a');
        state.out = true;
        const calls: [string, string, Buffer?][] = [
          ['GET', '/v2/a/manifests/t'],
          ['GET', `/v2/a/manifests/${IMAGE.digest}`],
          ['PUT', '/v2/a/manifests/t', IMAGE.bytes],
          ['PUT', '/v2/a/manifests/t', indexOf([]).bytes],
          ['DELETE', '/v2/a/manifests/t'],
          ['DELETE', `/v2/a/manifests/${IMAGE.digest}`],
          ['GET', `/v2/a/blobs/${BLOB}`],
          ['DELETE', `/v2/a/blobs/${BLOB}`],
          ['GET', '/v2/a/tags/list'],
          ['GET', '/v2/_catalog'],
          ['GET', `/v2/a/referrers/${IMAGE.digest}`],
          ['GET', location],
          ['PATCH', location, EMPTY_JSON],
          ['PUT', `${location}&digest=${BLOB}`, EMPTY_JSON],
          ['DELETE', location],
          ['POST', `/v2/a/blobs/uploads/?digest=${BLOB}`, EMPTY_JSON],
          ['POST', `/v2/b/blobs/uploads/?mount=${BLOB}&from=a`],
        ];
        for (const [method, path, body] of calls) {
          const answer = await client.call(method, path, body === undefined ? {} : { body });
          assert.equal(answer.status, 503, `${method} ${path}: ${answer.body.toString()}`);
          assert.equal(answer.errors[0]?.code, 'UNAVAILABLE');
          assert.equal(answer.header('retry-after'), '7');
        }
        (await client.head(`/v2/a/blobs/${BLOB}`)).expect(503);
        state.out = false;
        (await client.get('/v2/a/manifests/t')).expect(200);
      } finally {
        await node.close();
      }
    });
  });
});

describe('endpoints at the limit of requests in flight', () => {
  onStore(
    'memory',
    (bench) => {
      it('one more is 503 with Retry-After before its body is read; /healthz is not', async () => {
        const client = new Client(bench().node);
        const wire = await client.connect();
        wire.head('POST /v2/a/blobs/uploads/ HTTP/1.1', 'Content-Length: 5', 'Expect: 100-continue');
        await wire.until(/100 Continue/);
        const refused = (await client.get('/v2/')).expectError(503, 'UNAVAILABLE');
        assert.equal(refused.header('retry-after'), '1');
        (await client.get('/healthz')).expect(200);
        await wire.write('12345');
        await wire.until(/HTTP\/1\.1 202 /);
        wire.destroy();
        (await client.get('/v2/')).expect(200);
      });
    },
    { maxInFlight: 1, patience: 50 },
  );
});
