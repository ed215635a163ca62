import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import type { AuditLog } from '../../src/audit/audit-log.js';
import { AUDIT_PREFIX } from '../../src/domain/keys.js';
import { TagPattern } from '../../src/domain/tag-pattern.js';
import type { NewAuditEvent } from '../../src/ports/audit.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import {
  addUser,
  administrationOf,
  TokenClient,
  pushClient,
  tokenAnswer,
  tokenFor,
} from '../http/access/logins.js';
import { Client } from '../http/client.js';
import { EMPTY_JSON, bytesOf, imageOf } from '../http/content.js';
import { withFaults } from '../registry/faulty.js';
import { onStore } from '../support/in-process.js';
import type { NodeOptions, RegistryNode } from '../support/in-process.js';
import { AuditWorld, eventsIn } from './audit-world.js';

const BLOB = bytesOf(5000, 7);
const FROM = '127.0.0.1';

describe('audited requests', () => {
  onStore('memory', (bench) => {
    let world: AuditWorld;
    let trail: AuditLog;
    let client: Client;
    let digest: string;
    const image = imageOf([BLOB]);

    const start = async (
      options: NodeOptions = {},
      strict: readonly string[] = [],
    ): Promise<RegistryNode> => {
      world = new AuditWorld();
      trail = world.trail(...strict);
      return bench().another({ audit: trail, ...options });
    };
    beforeEach(async () => {
      const plain = new Client(bench().node);
      await plain.pushBlob('a', EMPTY_JSON);
      digest = await plain.pushBlob('a', BLOB);
      await plain.pushManifest('a', 'v1', image);
      client = new Client(await start());
    });

    /** What is on record, without the time. */
    const told = async (): Promise<readonly NewAuditEvent[]> => {
      await world.clock.advance(10_000);
      return (await world.events()).map(({ at, ...event }) => {
        assert.match(at, /^2026-01-05T09:/);
        return event;
      });
    };
    const event = (action: NewAuditEvent['action'], reference: string, more: object = {}): object => ({
      action,
      outcome: 'ok',
      by: '',
      from: FROM,
      repository: 'a',
      reference,
      ...more,
    });

    it('tell of pulls what was asked for and what was given', async () => {
      (await client.get('/v2/a/manifests/v1')).expect(200);
      (await client.get('/v2/a/manifests/v1')).expect(200);
      (await client.get(`/v2/a/manifests/${image.digest}`)).expect(200);
      (await client.get(`/v2/a/blobs/${digest}`)).expect(200);
      (await client.get(`/v2/a/blobs/${digest}`, { range: 'bytes=1-2' })).expect(206);
      assert.deepEqual(await told(), [
        event('manifest.pull', 'v1', { digest: image.digest, count: 2 }),
        event('manifest.pull', image.digest, { digest: image.digest }),
        event('blob.pull', digest, { digest, count: 2 }),
      ]);
    });

    it('tell of pushes', async () => {
      (await client.putManifest('a', 'v2', image)).expect(201);
      (await client.putManifest('a', image.digest, image)).expect(201);
      assert.deepEqual(await told(), [
        event('manifest.push', 'v2', { digest: image.digest }),
        event('manifest.push', image.digest, { digest: image.digest }),
      ]);
    });

    it('that give nothing are no pulls', async () => {
      await client.head('/v2/a/manifests/v1');
      await client.head(`/v2/a/blobs/${digest}`);
      const known = { 'if-none-match': `"${image.digest}"` };
      (await client.get('/v2/a/manifests/v1', known)).expect(304);
      (await client.get('/v2/a/manifests/no')).expect(404);
      (await client.get(`/v2/a/blobs/${digest.replaceAll(/[0-9]/g, '0')}`)).expect(404);
      (await client.get(`/v2/a/blobs/${digest}`, { range: 'bytes=9999-' })).expect(416);
      (await client.putManifest('a', 'v2', imageOf([bytesOf(3)]))).expect(400);
      await client.tags('a');
      await client.openUpload('a');
      assert.deepEqual(await told(), []);
    });

    it('that are redirected to the store are pulls', async () => {
      const driver = withFaults<StorageDriver>(bench().store.driver(), {
        signedUrl: async () => new URL('http://store.example/x'),
      });
      const redirect = () => new Date(8.64e15);
      client = new Client(await start({ driver, redirect }));
      (await client.get(`/v2/a/blobs/${digest}`)).expect(307);
      assert.deepEqual(await told(), [event('blob.pull', digest, { digest })]);
    });

    it('that the client breaks off are pulls, for it has the beginning', async () => {
      const large = bytesOf(3_000_000, 9);
      const name = await new Client(bench().node).pushBlob('a', large);
      const req = request({ host: '127.0.0.1', port: client.node.port, path: `/v2/a/blobs/${name}` }).end();
      const [res] = (await once(req, 'response')) as [NodeJS.ReadableStream & { destroy(): void }];
      res.destroy();
      await client.node.close();
      assert.deepEqual(await told(), [event('blob.pull', name, { digest: name })]);
      // Closed with the test a second time.
      client.node.close = async () => undefined;
    });

    it('cost the store nothing of their own', async () => {
      await client.get('/v2/a/manifests/v1');
      await client.get(`/v2/a/blobs/${digest}`);
      const counts = await client.node.countOf(async () => {
        (await client.get(`/v2/a/manifests/${image.digest}`)).expect(200);
      });
      assert.deepEqual([counts, world.puts], [{}, []]);
    });

    it('that delete are recorded when it is done and before they are answered', async () => {
      const release = world.hold();
      const answer = client.call('DELETE', '/v2/a/manifests/v1');
      while (world.puts.length === 0) await new Promise((done) => setImmediate(done));
      (await new Client(bench().node).get('/v2/a/manifests/v1')).expect(404);
      const first = await Promise.race([answer, new Promise((done) => setImmediate(done, 'no answer yet'))]);
      assert.equal(first, 'no answer yet');
      release();
      (await answer).expect(202);
      (await client.call('DELETE', `/v2/a/manifests/${image.digest}`)).expect(202);
      (await client.call('DELETE', `/v2/a/blobs/${digest}`)).expect(202);
      assert.deepEqual(await told(), [
        event('tag.delete', 'v1'),
        event('manifest.delete', image.digest, { digest: image.digest }),
        event('blob.delete', digest, { digest }),
      ]);
    });

    it('to delete what may not be or is not there are recorded too', async () => {
      client = new Client(await start({ immutableTags: [TagPattern.parse('a:v*')] }));
      (await client.call('DELETE', '/v2/a/manifests/v1')).expect(403);
      (await client.call('DELETE', '/v2/a/manifests/no')).expect(404);
      (await client.call('DELETE', `/v2/a/blobs/nonsense`)).expect(400);
      assert.deepEqual(await told(), [
        event('tag.delete', 'v1', { outcome: 'denied', detail: 'DENIED' }),
        event('tag.delete', 'no', { outcome: 'failed', detail: 'MANIFEST_UNKNOWN' }),
        event('blob.delete', 'nonsense', { outcome: 'failed', detail: 'DIGEST_INVALID' }),
      ]);
    });

    it('to delete are answered 503 where they cannot be recorded', async () => {
      world.failing = true;
      (await client.call('DELETE', '/v2/a/manifests/v1')).expectError(503, 'UNAVAILABLE');
      assert.equal(world.puts.length, 1);
      // It is done; only the answer says otherwise.
      (await client.call('DELETE', '/v2/a/manifests/v1')).expectError(503, 'UNAVAILABLE');
      world.failing = false;
      (await client.call('DELETE', '/v2/a/manifests/v1')).expect(404);
      assert.equal((await told()).length, 1);
    });

    it('of strict repositories are recorded before anything is read', async () => {
      const { store, another } = bench();
      const order: string[] = [];
      const driver = new Proxy(store.driver(), {
        get: (target, name) => {
          const own: unknown = Reflect.get(target, name);
          if (typeof own !== 'function') return own;
          return (...call: readonly unknown[]): unknown => {
            order.push(`${String(name)} ${String(call[0]).startsWith(AUDIT_PREFIX) ? 'audit' : 'content'}`);
            return (own as (...call: readonly unknown[]) => unknown).apply(target, [...call]);
          };
        },
      });
      world = new AuditWorld(driver);
      const node = await another({ driver, audit: world.trail('a'), cacheMaxAge: 0 });
      const strict = new Client(node);
      for (const path of ['/v2/a/manifests/v1', `/v2/a/blobs/${digest}`]) {
        order.length = 0;
        (await strict.get(path)).expect(200);
        assert.equal(order[0], 'put audit', path);
        assert.ok(order.includes('read content') || order.includes('get content'), order.join());
        assert.equal(order.filter((each) => each === 'put audit').length, 1);
      }
      order.length = 0;
      (await strict.putManifest('a', 'v9', image)).expect(201);
      assert.equal(order[0], 'put audit');
      (await strict.get('/v2/a/manifests/no')).expect(404);
      await world.clock.advance(20_000);
      const events = (await eventsIn(store.driver())).map(({ action, reference }) => [action, reference]);
      assert.deepEqual(events.sort(), [
        ['blob.pull', digest],
        ['manifest.pull', 'no'],
        ['manifest.pull', 'v1'],
        ['manifest.push', 'v9'],
      ]);
    });

    it('of strict repositories give nothing where they cannot be recorded', async () => {
      client = new Client(await start({}, ['a']));
      world.failing = true;
      for (const path of ['/v2/a/manifests/v1', `/v2/a/blobs/${digest}`]) {
        (await client.get(path)).expectError(503, 'UNAVAILABLE');
      }
      (await client.putManifest('a', 'v9', image)).expectError(503, 'UNAVAILABLE');
      world.failing = false;
      (await client.get('/v2/a/manifests/v9')).expect(404);
    });

    it('tell who sent them and by which access token; those that are not let in are not told', async () => {
      const admin = administrationOf(bench().store);
      await addUser(admin, 'alice', ['a', 'pull,push']);
      const node = await start({ logins: {} });
      const { id, secret } = await admin.tokens.create('alice', {});
      const pusher = await pushClient(node, 'alice', 'a');
      (await pusher.get('/v2/a/manifests/v1')).expect(200);
      (await pusher.call('DELETE', '/v2/a/manifests/v1')).expect(401);
      (await new Client(node).get('/v2/a/manifests/v1')).expect(401);
      const asked = { user: 'alice', secret, scopes: ['repository:a:pull'] };
      const { token } = await tokenAnswer(node, asked);
      (await new TokenClient(node, token).get('/v2/a/manifests/v1')).expect(200);
      (await new TokenClient(node, await tokenFor(node, 'alice')).get('/v2/a/manifests/v1')).expect(401);
      const pulls = (await told()).filter(({ action }) => action !== 'login');
      assert.deepEqual(pulls, [
        event('manifest.pull', 'v1', { digest: image.digest, by: 'alice' }),
        event('manifest.pull', 'v1', { digest: image.digest, by: 'alice', token: id }),
      ]);
    });
  });
});
