import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { sha256, type Content } from '../support/image.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import {
  call,
  closing,
  configBlob,
  locationOf,
  manifestOf,
  openUpload,
  pushBlob,
  putManifest,
} from './api.js';
import { until } from './deadline.js';
import { childrenOf } from './process-facts.js';

/** Connections that surely reach both workers: they are dealt out in turn. */
const BOTH = 4;

describe('two workers', function () {
  this.timeout(60_000);
  let server: ServerProcess;
  let config: Content;

  before(async () => {
    server = await startServer({ workers: 2 });
    config = configBlob();
    await pushBlob(server, 'w', config.bytes);
  });
  after(async () => assert.equal(await server.stop(), 0));

  /** The statuses of the same request on several connections at once. */
  async function statuses(method: string, path: string): Promise<number[]> {
    const answers = await Promise.all(Array.from({ length: BOTH }, () => call(server, method, path)));
    return [...new Set(answers.map(({ status }) => status))];
  }

  async function tagLists(): Promise<string[][]> {
    const answers = await Promise.all(
      Array.from({ length: BOTH }, () => call(server, 'GET', '/v2/w/tags/list')),
    );
    return answers.map(({ body }) => (JSON.parse(body.toString()) as { tags: string[] }).tags);
  }

  it('both serve', async () => {
    await statuses('GET', '/v2/');
    await until('two processes log requests', () => {
      const ids = server.log.flatMap(({ id }) => (typeof id === 'string' ? [id.split('-')[0]] : []));
      return new Set(ids).size === 2;
    });
  });

  it('see at once that the other deleted a blob, a manifest, a tag', async () => {
    for (let i = 0; i < 25; i++) {
      const blob = await pushBlob(server, 'w', randomBytes(100));
      const manifest = manifestOf(config, `deleted ${i}`);
      const tag = `t${i}`;
      assert.equal((await putManifest(server, 'w', tag, manifest)).status, 201);
      const paths = [`/v2/w/blobs/${blob}`, `/v2/w/manifests/${manifest.digest}`, `/v2/w/manifests/${tag}`];
      for (const path of paths) assert.deepEqual(await statuses('GET', path), [200], path);
      assert.ok((await tagLists()).every((tags) => tags.includes(tag)));
      for (const path of paths.slice(0, 2)) {
        assert.equal((await call(server, 'DELETE', path)).status, 202);
        assert.deepEqual(await statuses('GET', path), [404], path);
        assert.deepEqual(await statuses('HEAD', path), [404], path);
      }
      assert.deepEqual(await statuses('GET', `/v2/w/manifests/${tag}`), [404]);
      assert.ok((await tagLists()).every((tags) => !tags.includes(tag)));
    }
  });

  it('see at once where the other moved a tag, and which tags there are', async () => {
    const manifests = [manifestOf(config, 'even'), manifestOf(config, 'odd')];
    const expected = new Set((await tagLists())[0]);
    for (let i = 0; i < 40; i++) {
      const manifest = manifests[i % 2];
      assert.ok(manifest !== undefined);
      const tag = `list${i % 10}`;
      if (expected.has(tag)) {
        assert.equal((await call(server, 'DELETE', `/v2/w/manifests/${tag}`)).status, 202);
        expected.delete(tag);
      } else {
        await putManifest(server, 'w', tag, manifest);
        expected.add(tag);
      }
      await putManifest(server, 'w', 'moving', manifest);
      expected.add('moving');
      const pulls = await Promise.all(
        Array.from({ length: BOTH }, () => call(server, 'GET', '/v2/w/manifests/moving')),
      );
      for (const pull of pulls) assert.equal(pull.headers['docker-content-digest'], manifest.digest);
      for (const tags of await tagLists()) assert.deepEqual(tags, [...expected].sort());
    }
  });

  it('take turns with one upload', async () => {
    const pieces = Array.from({ length: 12 }, () => randomBytes(50_000));
    const blob = Buffer.concat(pieces);
    let location = await openUpload(server, 'w');
    let sent = 0;
    for (const body of pieces) {
      const headers = { 'content-range': `${sent}-${sent + body.length - 1}` };
      const patched = await call(server, 'PATCH', location, { headers, body });
      assert.equal(patched.status, 202, patched.body.toString());
      sent += body.length;
      assert.equal((await call(server, 'GET', location)).headers['range'], `0-${sent - 1}`);
      location = locationOf(patched);
    }
    assert.equal((await call(server, 'PUT', closing(location, sha256(blob)))).status, 201);
    const pulls = await Promise.all(
      Array.from({ length: BOTH }, () => call(server, 'GET', `/v2/w/blobs/${sha256(blob)}`)),
    );
    for (const pull of pulls) assert.ok(pull.body.equals(blob));
  });

  it('see at once that the other ended a session', async () => {
    for (let i = 0; i < 10; i++) {
      const location = locationOf(await call(server, 'PATCH', await openUpload(server, 'w'), { body: 'x' }));
      assert.equal((await call(server, 'DELETE', location)).status, 204);
      assert.deepEqual(await statuses('GET', location), [404]);
      assert.deepEqual(await statuses('PATCH', location), [404]);
    }
  });

  it('are replaced when one is killed, and the server goes on at its port', async () => {
    const before = await childrenOf(server.pid);
    assert.equal(before.length, 2);
    const [victim] = before;
    assert.ok(victim !== undefined);
    const manifest = manifestOf(config, 'survivor');
    await putManifest(server, 'w', 'survivor', manifest);
    const doomed = await Promise.all(
      Array.from({ length: 8 }, () => pushBlob(server, 'w', randomBytes(100))),
    );
    process.kill(victim, 'SIGKILL');
    // What node's cluster deals to the killed one before it learns of the end is lost, without an end.
    const deleted = await Promise.all(
      doomed.map((digest) =>
        call(server, 'DELETE', `/v2/w/blobs/${digest}`, { timeoutMs: 3000 }).then(
          ({ status }) => status === 202,
          () => false,
        ),
      ),
    );
    assert.ok(deleted.filter((done) => done).length >= doomed.length - 2, 'the other waits for the dead one');
    await until('the end is noticed', () =>
      server.log.some(({ msg }) => msg === 'a worker ended and is started again'),
    );
    const after = await until('there are two again', async () => {
      const pids = await childrenOf(server.pid);
      return pids.length === 2 && !pids.includes(victim) && pids;
    });
    assert.notDeepEqual(after, before);
    await until('both serve again', async () => {
      await statuses('GET', '/v2/');
      return (
        new Set(server.log.flatMap(({ id }) => (typeof id === 'string' ? [id.split('-')[0]] : []))).size === 3
      );
    });
    for (let i = 0; i < 10; i++) assert.deepEqual(await statuses('GET', '/v2/w/manifests/survivor'), [200]);
    assert.equal((await call(server, 'DELETE', `/v2/w/manifests/${manifest.digest}`)).status, 202);
    assert.deepEqual(await statuses('GET', '/v2/w/manifests/survivor'), [404]);
  });
});
