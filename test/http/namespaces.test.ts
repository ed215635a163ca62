import assert from 'node:assert/strict';
import supertest from 'supertest';
import { LogLines } from '../composition/log-lines.js';
import { upstreamsCalled } from '../mirror/known-upstreams.js';
import { onStore } from '../support/in-process.js';
import type { RegistryNode } from '../support/in-process.js';
import { addUser, administrationOf, bearer, tokenFor } from './access/logins.js';
import { Client, digestOf, linkOf } from './client.js';
import { EMPTY_JSON, bytesOf, imageOf, indexOf } from './content.js';

const upstreams = upstreamsCalled('docker.io', 'quay.io');
const LAYER = bytesOf(1000);
const IMAGE = imageOf([LAYER]);
const LAYER_DIGEST = digestOf(LAYER);
const BELOW = 'mirror/docker.io/library/x';

/** As the mirror would have stored it. */
async function store(node: RegistryNode, name: string, image = IMAGE): Promise<void> {
  const client = new Client(node);
  for (const bytes of [EMPTY_JSON, LAYER]) await client.pushBlob(name, bytes);
  for (const tag of ['1', '2', 'latest']) await client.pushManifest(name, tag, image);
}

describe('namespaces of upstreams', () => {
  onStore('memory', (bench) => {
    let client: Client;
    let log: LogLines;

    beforeEach(async () => {
      log = new LogLines();
      await store(bench().node, BELOW);
      const publicUrl = 'https://registry.example';
      client = new Client(await bench().another({ mirror: { upstreams, publicUrl }, log }));
    });

    it('are where pulls with ns look, and are told', async () => {
      for (const ns of ['docker.io', 'registry-1.docker.io']) {
        for (const path of ['manifests/latest', `manifests/${IMAGE.digest}`]) {
          const answer = (await client.get(`/v2/library/x/${path}?ns=${ns}`)).expect(200);
          assert.deepEqual(answer.body, IMAGE.bytes);
          assert.equal(answer.header('oci-namespace'), ns);
          const head = (await client.head(`/v2/library/x/${path}?ns=${ns}`)).expect(200);
          assert.equal(head.header('oci-namespace'), ns);
          assert.equal(head.header('docker-content-digest'), IMAGE.digest);
        }
        const blob = `/v2/library/x/blobs/${LAYER_DIGEST}?ns=${ns}`;
        assert.deepEqual((await client.get(blob)).expect(200).body, LAYER);
        const part = (await client.get(blob, { range: 'bytes=10-19' })).expect(206);
        assert.deepEqual(part.body, LAYER.subarray(10, 20));
        assert.equal(part.header('oci-namespace'), ns);
        (await client.head(blob)).expect(200);
        const referrers = (await client.get(`/v2/library/x/referrers/${IMAGE.digest}?ns=${ns}`)).expect(200);
        assert.equal(referrers.header('oci-namespace'), ns);
      }
    });

    it('are not needed for the name below mirror/', async () => {
      const answer = (await client.get(`/v2/${BELOW}/manifests/latest`)).expect(200);
      assert.deepEqual([answer.body, answer.headers['oci-namespace']], [IMAGE.bytes, undefined]);
    });

    it('stay in the pages of a list of tags, whose name is the one that was asked for', async () => {
      const pages = await client.pages('/v2/library/x/tags/list?ns=docker.io&n=2');
      assert.deepEqual(
        pages.map((page) => page.json()),
        [
          { name: 'library/x', tags: ['1', '2'] },
          { name: 'library/x', tags: ['latest'] },
        ],
      );
      assert.equal(linkOf(pages[0] ?? assert.fail()), '/v2/library/x/tags/list?last=2&n=2&ns=docker.io');
      for (const page of pages) assert.equal(page.header('oci-namespace'), 'docker.io');
    });

    it('are told with an error too, and in the log', async () => {
      const answer = await client.get('/v2/library/x/manifests/none?ns=docker.io');
      answer.expectError(404, 'MANIFEST_UNKNOWN');
      assert.equal(answer.header('oci-namespace'), 'docker.io');
      const { fields } = log.lines.find(({ message }) => message === 'request') ?? assert.fail();
      assert.deepEqual([fields['repository'], fields['path']], [BELOW, '/v2/library/x/manifests/none']);
    });

    it('never lead to a repository of this registry with that name, nor any other to a namespace', async () => {
      await store(bench().node, 'library/y');
      (await client.get('/v2/library/y/manifests/latest?ns=docker.io')).expect(404);
      (await client.get('/v2/library/y/manifests/latest?ns=quay.io')).expect(404);
      const unknown = await client.get('/v2/library/y/manifests/latest?ns=gcr.io');
      unknown.expectError(404, 'NAME_UNKNOWN');
      assert.match(unknown.errors[0]?.message ?? '', /does not mirror 'gcr\.io'/);
      (await client.get('/v2/library/x/manifests/latest')).expect(404);
    });

    it('of this registry are its own repositories', async () => {
      await store(bench().node, 'library/y');
      for (const ns of [`127.0.0.1:${client.node.port}`, 'registry.example', '']) {
        const answer = (await client.get(`/v2/library/y/manifests/latest?ns=${ns}`)).expect(200);
        assert.equal(answer.headers['oci-namespace'], undefined);
      }
      const called = { host: 'other.example:5000' };
      (await client.get('/v2/library/y/manifests/latest?ns=other.example:5000', called)).expect(200);
      (await client.get('/v2/library/y/manifests/latest?ns=other.example', called)).expect(404);
      const senseless = { host: '::[' };
      (await client.get('/v2/library/y/manifests/latest?ns=other.example', senseless)).expect(404);
    });

    it('leave no room for a name that is too long', async () => {
      const name = 'a'.repeat(250);
      (await client.get(`/v2/${name}/manifests/latest?ns=docker.io`)).expectError(400, 'NAME_INVALID');
    });

    it('take no writes, whichever way they are named', async () => {
      for (const [path, query] of [
        [`/v2/${BELOW}`, ''],
        ['/v2/library/x', 'ns=docker.io'],
      ] as const) {
        for (const [method, rest] of [
          ['PUT', 'manifests/new'],
          ['POST', 'blobs/uploads/'],
          ['PATCH', 'blobs/uploads/none'],
          ['DELETE', `manifests/${IMAGE.digest}`],
          ['DELETE', 'manifests/latest'],
          ['DELETE', `blobs/${LAYER_DIGEST}`],
        ] as const) {
          const answer = await client.call(
            method,
            `${path}/${rest}?${query}`,
            method === 'DELETE' ? {} : { body: 'x' },
          );
          answer.expectError(405, 'UNSUPPORTED');
        }
      }
      const mount = `/v2/team/x/blobs/uploads/?mount=${LAYER_DIGEST}&from=${BELOW}`;
      (await client.call('POST', mount)).expect(201);
      assert.deepEqual(await client.tags(BELOW), ['1', '2', 'latest']);
    });

    it('are the same by the Express app', async () => {
      const answer = await supertest(client.node.app).get('/v2/library/x/manifests/latest?ns=docker.io');
      assert.deepEqual([answer.status, answer.headers['oci-namespace']], [200, 'docker.io']);
      const pushed = await supertest(client.node.app).put(`/v2/${BELOW}/manifests/new`);
      assert.equal(pushed.status, 405);
    });

    it('do not exist where there is no upstream', async () => {
      await store(bench().node, 'library/y');
      const plain = new Client(bench().node);
      const answer = (await plain.get('/v2/library/y/manifests/latest?ns=gcr.io')).expect(200);
      assert.equal(answer.headers['oci-namespace'], undefined);
    });
  });

  onStore('memory', (bench) => {
    it('are decided before access: it is that of the repository below mirror/', async () => {
      await store(bench().node, BELOW);
      const admin = administrationOf(bench().store);
      await addUser(admin, 'alice', ['mirror/**', 'pull']);
      await addUser(admin, 'bob', ['library/**', 'pull,push,delete']);
      const client = new Client(await bench().another({ mirror: { upstreams }, logins: {} }));
      const path = '/v2/library/x/manifests/latest?ns=docker.io';
      const anonymous = await client.get(path);
      anonymous.expectError(401, 'UNAUTHORIZED');
      assert.equal(anonymous.header('oci-namespace'), 'docker.io');
      assert.match(
        anonymous.header('www-authenticate'),
        /scope="repository:mirror\/docker\.io\/library\/x:pull"/,
      );
      const scope = `repository:${BELOW}:pull,push`;
      const alice = bearer(await tokenFor(client.node, 'alice', scope));
      assert.deepEqual((await client.get(path, alice)).expect(200).body, IMAGE.bytes);
      const bob = bearer(await tokenFor(client.node, 'bob', scope, 'repository:library/x:pull,push'));
      const denied = await client.get(path, bob);
      denied.expectError(401, 'UNAUTHORIZED');
      assert.equal(denied.header('oci-namespace'), 'docker.io');
      const { mediaType, bytes } = indexOf([]);
      const push = { headers: { 'content-type': mediaType, ...alice }, body: bytes };
      const refused = await client.call('PUT', `/v2/${BELOW}/manifests/new`, push);
      assert.notEqual(refused.status, 405);
    });
  });
});
