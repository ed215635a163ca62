import assert from 'node:assert/strict';
import supertest from 'supertest';
import type { AuditTrail, NewAuditEvent } from '../../src/ports/audit.js';
import { LogLines } from '../composition/log-lines.js';
import { upstreamsCalled } from '../mirror/known-upstreams.js';
import { onStore } from '../support/in-process.js';
import type { MirrorOptions } from '../support/in-process.js';
import { addUser, administrationOf, basic, bearer, tokenFor } from './access/logins.js';
import { Client } from './client.js';
import type { Answer } from './client.js';
import { EMPTY_JSON, imageOf } from './content.js';

const upstreams = upstreamsCalled('docker.io', 'quay.io');
const HUB = { host: 'Hub.test:5000' };
const IMAGE = imageOf();
const PRIVATE = imageOf([], { annotations: { a: 'private' } });
const mirror: MirrorOptions = { upstreams, root: { names: ['hub.test'], networks: ['127.0.0.0/8'] } };

class KeptTrail implements AuditTrail {
  readonly events: NewAuditEvent[] = [];

  async record(event: NewAuditEvent): Promise<void> {
    this.events.push(event);
  }

  note(event: NewAuditEvent): void {
    this.events.push(event);
  }

  isStrict(): boolean {
    return false;
  }
}

describe('the root mirror', () => {
  onStore('memory', (bench) => {
    let client: Client;
    let log: LogLines;
    let audit: KeptTrail;
    let blob: string;

    beforeEach(async () => {
      log = new LogLines();
      audit = new KeptTrail();
      const filling = new Client(bench().node);
      for (const [name, image] of [
        ['mirror/docker.io/library/x', IMAGE],
        ['mirror/quay.io/team/x', IMAGE],
        ['library/x', PRIVATE],
        ['library/private', PRIVATE],
      ] as const) {
        blob = await filling.pushBlob(name, EMPTY_JSON);
        await filling.pushManifest(name, 'latest', image);
      }
      await addUser(administrationOf(bench().store), 'alice', ['**', 'pull,push,delete']);
      client = new Client(await bench().another({ mirror, log, audit, logins: {}, admin: {} }));
    });

    const ask = (method: string, path: string, headers = {}): Promise<Answer> =>
      client.call(method, path, { headers: { ...HUB, ...headers } });

    it('serves one upstream by the names that it has there', async () => {
      (await ask('GET', '/v2/')).expect(200);
      const path = '/v2/library/x/manifests/latest';
      assert.deepEqual((await ask('GET', path)).expect(200).body, IMAGE.bytes);
      assert.equal((await ask('HEAD', path)).expect(200).header('docker-content-digest'), IMAGE.digest);
      assert.deepEqual((await ask('GET', `/v2/library/x/blobs/${blob}`)).expect(200).body, EMPTY_JSON);
      (await ask('HEAD', `/v2/library/x/blobs/${blob}`)).expect(200);
      const tags = (await ask('GET', '/v2/library/x/tags/list')).expect(200);
      assert.deepEqual(tags.json(), { name: 'library/x', tags: ['latest'] });
      (await ask('GET', `/v2/library/x/referrers/${IMAGE.digest}`)).expect(200);
    });

    it('has no repository beside those, by no way of naming it', async () => {
      for (const name of [
        'library/private',
        'team/x',
        'mirror/docker.io/library/x',
        'mirror/quay.io/team/x',
      ]) {
        (await ask('GET', `/v2/${name}/manifests/latest`)).expect(404);
        (await ask('GET', `/v2/${name}/tags/list`)).expect(404);
      }
      (await ask('GET', '/v2/team/x/manifests/latest?ns=quay.io')).expectError(404, 'NAME_UNKNOWN');
      (await ask('GET', '/v2/library/private/manifests/latest?ns=hub.test:5000')).expectError(
        404,
        'NAME_UNKNOWN',
      );
      const named = (await ask('GET', '/v2/library/x/manifests/latest?ns=docker.io')).expect(200);
      assert.equal(named.header('oci-namespace'), 'docker.io');
    });

    it('has nothing beside pulls, whoever asks', async () => {
      const alice = { authorization: String(basic('alice')['authorization']) };
      for (const path of [
        '/token?service=stackyard',
        '/admin/v1/whoami',
        '/healthz',
        '/readyz',
        '/.well-known/jwks.json',
        '/',
        '/v2/library/x',
        '/v2/library/x/unknown/y',
      ]) {
        (await ask('GET', path, alice)).expect(404);
        const { status } = await supertest(client.node.app).get(path).set(HUB).set(alice);
        assert.equal(status, 404, path);
      }
      for (const [method, path] of [
        ['PUT', '/v2/library/x/manifests/new'],
        ['DELETE', '/v2/library/x/manifests/latest'],
        ['DELETE', `/v2/library/x/blobs/${blob}`],
        ['POST', '/v2/library/x/blobs/uploads/'],
        ['PATCH', '/v2/library/x/blobs/uploads/y'],
        ['GET', '/v2/library/x/blobs/uploads/y'],
        ['GET', '/v2/_catalog'],
        ['GET', '/v2/_oci/ext/discover'],
      ] as const) {
        (await ask(method, path, alice)).expectError(405, 'UNSUPPORTED');
      }
    });

    it('is nowhere by another name of the server', async () => {
      for (const host of ['127.0.0.1:5000', 'hub.test.example', 'xhub.test']) {
        const answer = await client.get('/v2/library/x/manifests/latest', { host });
        answer.expectError(401, 'UNAUTHORIZED');
        (await client.get('/healthz', { host })).expect(200);
      }
      const token = await tokenFor(client.node, 'alice', 'repository:library/x:pull');
      const own = await client.get('/v2/library/x/manifests/latest', bearer(token));
      assert.deepEqual(own.expect(200).body, PRIVATE.bytes);
    });

    it('answers the same with any Authorization, and keeps nothing of it', async () => {
      const path = '/v2/library/x/manifests/latest';
      const token = await tokenFor(client.node, 'alice', 'repository:library/x:pull');
      log.lines.length = 0;
      audit.events.length = 0;
      const without = (await ask('GET', path)).expect(200);
      for (const authorization of [
        'Basic bm90LXRoZS1zZWNyZXQ6Z2FyYmFnZQ==',
        'Bearer garbage.garbage.garbage',
        'garbage',
        String(basic('alice')['authorization']),
        `Bearer ${token}`,
      ]) {
        const answer = (await ask('GET', path, { authorization })).expect(200);
        assert.deepEqual(answer.body, without.body);
        const [, secret = authorization] = authorization.split(' ');
        const kept = JSON.stringify([log.lines, audit.events]);
        for (const part of [secret, Buffer.from(secret, 'base64').toString(), 'alice', 'garbage']) {
          assert.ok(!kept.includes(part), part);
        }
      }
      const pulls = audit.events.filter(({ action }) => action === 'manifest.pull');
      assert.equal(pulls.length, 6);
      for (const { by, token, repository } of pulls) {
        assert.deepEqual([by, token, repository], ['', undefined, 'mirror/docker.io/library/x']);
      }
    });

    it('is the same by the Express app', async () => {
      const pulled = await supertest(client.node.app).get('/v2/library/x/tags/list').set(HUB);
      assert.deepEqual([pulled.status, pulled.body], [200, { name: 'library/x', tags: ['latest'] }]);
    });
  });

  onStore('memory', (bench) => {
    it('refuses clients outside of its networks, as trusted proxies tell them', async () => {
      const root = { names: ['hub.test'], networks: ['10.0.0.0/8'] };
      const untold = new Client(await bench().another({ mirror: { upstreams, root } }));
      const trustedProxies = ['127.0.0.1/32'];
      const told = new Client(await bench().another({ mirror: { upstreams, root, trustedProxies } }));
      const inside = { ...HUB, 'x-forwarded-for': '10.1.2.3' };
      for (const path of ['/v2/', '/v2/library/x/manifests/latest']) {
        const refused = await untold.get(path, inside);
        refused.expectError(403, 'DENIED');
        assert.match(refused.errors[0]?.message ?? '', /127\.0\.0\.1.*mirror\.root\.networks/);
        (await told.get(path, { ...HUB, 'x-forwarded-for': '10.1.2.3, 192.0.2.1' })).expectError(
          403,
          'DENIED',
        );
      }
      (await told.get('/v2/', inside)).expect(200);
      (await told.get('/v2/library/x/manifests/latest', inside)).expect(404);
    });
  });
});
