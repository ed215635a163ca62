import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Digest } from '../../src/domain/digest.js';
import { TagPattern } from '../../src/domain/tag-pattern.js';
import { RepositoryPattern } from '../../src/domain/repository-pattern.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import type { StoredManifest } from '../../src/registry/manifest-store.js';
import { checked } from '../../src/storage/checked.js';
import { openStore } from '../support/in-process.js';
import type { TestStore } from '../support/in-process.js';
import { MovedClock, NAME, TestUpstream, digestOf, openMirror, referenceTo } from './mirror-world.js';
import type { MirrorNode, MirrorNodeOptions } from './mirror-world.js';

const EMPTY = {
  mediaType: 'application/vnd.oci.empty.v1+json',
  digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
  size: 2,
};

function image(text: string, more: object = {}): object {
  return {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: EMPTY,
    layers: [],
    annotations: { text },
    ...more,
  };
}

describe('manifests of the mirror', () => {
  let store: TestStore;
  let upstream: TestUpstream;
  let clock: MovedClock;
  const nodes: MirrorNode[] = [];

  beforeEach(async () => {
    store = await openStore('memory');
    upstream = await TestUpstream.start();
    clock = new MovedClock();
  });

  afterEach(async () => {
    await Promise.all(nodes.splice(0).map(({ mirror }) => mirror.close()));
    await upstream.stop();
    await store.remove();
  });

  const open = (options: MirrorNodeOptions = {}): MirrorNode => {
    const node = openMirror(checked(store.driver()), upstream, { clock, ...options });
    nodes.push(node);
    return node;
  };
  const ask = ({ mirror }: MirrorNode, text: string, name = NAME): Promise<StoredManifest> =>
    mirror.registry.manifests.get(name, referenceTo(text));
  const get = async (node: MirrorNode, text: string, name = NAME): Promise<StoredManifest> => {
    const manifest = await ask(node, text, name);
    await node.mirror.settled();
    return manifest;
  };
  const digestAt = async (node: MirrorNode, text: string): Promise<string> =>
    (await get(node, text)).digest.toString();

  it('takes a manifest by tag, then answers it without asking until it is old', async () => {
    const node = open();
    const first = upstream.manifest(image('1'), 'v1').toString();
    assert.equal(await digestAt(node, 'v1'), first);
    assert.equal(await digestAt(node, 'v1'), first);
    const taking = ['HEAD manifests/v1', `GET manifests/${first}`];
    assert.deepEqual(upstream.asked, taking);
    clock.advance(61_000);
    assert.equal(await digestAt(node, 'v1'), first);
    assert.deepEqual(upstream.asked, [...taking, 'HEAD manifests/v1']);
    const second = upstream.manifest(image('2'), 'v1').toString();
    assert.equal(await digestAt(node, 'v1'), first);
    clock.advance(61_000);
    assert.equal(await digestAt(node, 'v1'), second);
    assert.equal(await digestAt(node, first), first);
    assert.equal(upstream.asked.length, 5);
  });

  it('asks once for many who ask at the same time', async () => {
    const node = open();
    const digest = upstream.manifest(image('1'), 'v1').toString();
    const answers = await Promise.all(Array.from({ length: 100 }, () => digestAt(node, 'v1')));
    assert.ok(answers.every((each) => each === digest));
    await Promise.all(Array.from({ length: 100 }, () => digestAt(node, digest)));
    assert.equal(upstream.asked.length, 2);
  });

  it('answers a tag as it was known while its upstream is down, also after a restart', async () => {
    const [node, other] = [open(), open()];
    const digest = upstream.manifest(image('1'), 'v1').toString();
    await get(node, 'v1');
    await upstream.stop();
    clock.advance(61_000);
    assert.equal(await digestAt(node, 'v1'), digest);
    assert.equal(await digestAt(other, 'v1'), digest);
    assert.equal(node.events.filter(({ kind }) => kind === 'stale').length, 1);
    await assert.rejects(get(node, 'v2'), { code: 'UNAVAILABLE', status: 503 });
    await assert.rejects(get(node, digestOf(randomBytes(8)).toString()), { status: 503 });
  });

  it('answers a tag as it was known while its upstream is slow, and moves it when that answers', async () => {
    const node = open();
    const first = upstream.manifest(image('1'), 'v1').toString();
    await get(node, 'v1');
    clock.advance(61_000);
    const second = upstream.manifest(image('2'), 'v1').toString();
    const late: (() => void)[] = [];
    upstream.meddling = (asked, response) => {
      if (asked.method !== 'HEAD') return false;
      late.push(() => upstream.answer(asked, response));
      return true;
    };
    assert.equal((await ask(node, 'v1')).digest.toString(), first);
    for (const answer of late) answer();
    for (let current = first; current !== second;) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      current = (await node.registry.tags.resolve(NAME, 'v1' as never)).toString();
    }
    assert.equal(await digestAt(node, 'v1'), second);
  });

  for (const [status, code, told] of [
    [401, 'DENIED', 403],
    [403, 'DENIED', 403],
    [429, 'TOOMANYREQUESTS', 429],
    [500, 'UNAVAILABLE', 503],
  ] as const) {
    it(`tells a client of ${status} by ${told}, and answers what is known all the same`, async () => {
      const node = open();
      const digest = upstream.manifest(image('1'), 'v1').toString();
      await get(node, 'v1');
      clock.advance(61_000);
      upstream.meddling = (_asked, response) =>
        response.writeHead(status, { 'Retry-After': '30' }).end() !== undefined;
      assert.equal(await digestAt(node, 'v1'), digest);
      await assert.rejects(get(node, 'v2'), { code, status: told });
    });
  }

  it('lets a tag go that its upstream has no more', async () => {
    const node = open();
    const digest = upstream.manifest(image('1'), 'v1').toString();
    await get(node, 'v1');
    upstream.remove('manifests/v1');
    clock.advance(61_000);
    for (let i = 0; i < 3; i += 1)
      await assert.rejects(get(node, 'v1'), { code: 'MANIFEST_UNKNOWN', status: 404 });
    assert.equal(upstream.asked.length, 3);
    assert.equal(await digestAt(node, digest), digest);
    upstream.manifest(image('1'), 'v1');
    clock.advance(31_000);
    assert.equal(await digestAt(node, 'v1'), digest);
  });

  it('never looks again for a pinned tag', async () => {
    const node = open({ upstream: { pinned: [TagPattern.parse('library/*:v1*')] } });
    const first = upstream.manifest(image('1'), 'v1.2').toString();
    await get(node, 'v1.2');
    upstream.manifest(image('2'), 'v1.2');
    clock.advance(24 * 3600 * 1000);
    assert.equal(await digestAt(node, 'v1.2'), first);
    upstream.remove('manifests/v1.2');
    assert.equal(await digestAt(node, 'v1.2'), first);
    assert.equal(upstream.asked.length, 2);
  });

  it('offers only what is allowed and not denied', async () => {
    const node = open({
      upstream: {
        allow: [RepositoryPattern.parse('library/**')],
        deny: [RepositoryPattern.parse('library/bad*')],
      },
    });
    upstream.manifest(image('1'), 'v1');
    await get(node, 'v1');
    for (const name of ['mirror/up/other/thing', 'mirror/up/library/badger'])
      await assert.rejects(get(node, 'v1', parseRepositoryName(name)), { code: 'DENIED', status: 403 });
    assert.equal(upstream.asked.length, 2);
  });

  it('takes nothing of an upstream that is not in the list', async () => {
    const node = open();
    await assert.rejects(get(node, 'v1', parseRepositoryName('mirror/other/library/busybox')), {
      code: 'MANIFEST_UNKNOWN',
    });
    assert.deepEqual(upstream.asked, []);
  });

  it('refuses a manifest that has another digest, is none, is too long or breaks off', async () => {
    const bodies: Record<string, Buffer> = {
      other: Buffer.from(JSON.stringify(image('other'))),
      none: Buffer.from('{"hello":1'),
      schema1: Buffer.from(
        JSON.stringify({ schemaVersion: 1, name: 'a', tag: 'b', fsLayers: [], history: [] }),
      ),
      long: Buffer.from(JSON.stringify(image('x'.repeat(5 * 1024 * 1024)))),
    };
    for (const [what, bytes] of Object.entries(bodies)) {
      const node = open();
      const digest = what === 'other' ? digestOf(Buffer.from('x')) : digestOf(bytes);
      upstream.put(`manifests/${digest.toString()}`, bytes, 'application/vnd.oci.image.manifest.v1+json');
      await assert.rejects(get(node, digest.toString()), { code: 'UNAVAILABLE' }, what);
      assert.equal(await node.registry.manifests.has(NAME, digest), false, what);
      assert.equal(await node.registry.manifests.has(NAME, digestOf(bytes)), false, what);
    }
    const node = open();
    const digest = upstream.manifest(image('1'));
    upstream.meddling = (_asked, response) => {
      response.writeHead(200, { 'Content-Length': 5000 });
      response.write('{', () => response.destroy());
      return true;
    };
    await assert.rejects(get(node, digest.toString()), { code: 'UNAVAILABLE' });
  });

  it('does not let a lie about a tag move it', async () => {
    const node = open();
    const first = upstream.manifest(image('1'), 'v1').toString();
    await get(node, 'v1');
    clock.advance(61_000);
    const promised = digestOf(Buffer.from('something else'));
    upstream.meddling = (asked, response) => {
      const bytes = Buffer.from(JSON.stringify(image('evil')));
      response.writeHead(200, {
        'Content-Length': bytes.byteLength,
        'Docker-Content-Digest': promised.toString(),
      });
      response.end(asked.method === 'HEAD' ? undefined : bytes);
      return true;
    };
    assert.equal(await digestAt(node, 'v1'), first);
  });

  it('takes by tag from an upstream that does not tell digests', async () => {
    const node = open();
    const bytes = Buffer.from(JSON.stringify(image('1')));
    upstream.meddling = (asked, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': bytes.byteLength });
      response.end(asked.method === 'HEAD' ? undefined : bytes);
      return true;
    };
    const manifest = await get(node, 'v1');
    assert.deepEqual(
      [manifest.digest.toString(), manifest.mediaType],
      [digestOf(bytes).toString(), 'application/vnd.oci.image.manifest.v1+json'],
    );
    assert.deepEqual(upstream.asked, ['HEAD manifests/v1', 'GET manifests/v1']);
  });

  it('takes by sha512', async () => {
    const node = open();
    const bytes = Buffer.from(JSON.stringify(image('1')));
    const digest = digestOf(bytes, 'sha512');
    upstream.put(`manifests/${digest.toString()}`, bytes, 'application/vnd.oci.image.manifest.v1+json');
    assert.equal(await digestAt(node, digest.toString()), digest.toString());
    assert.equal(await digestAt(open(), digest.toString()), digest.toString());
    assert.equal(upstream.asked.length, 1);
  });

  it('lists tags as the upstream does, page by page, and those that were pulled while that is down', async () => {
    const node = open();
    upstream.manifest(image('1'), 'v1');
    await get(node, 'v1');
    upstream.meddling = (asked, response) => {
      const url = new URL(asked.url, 'http://x');
      if (!url.pathname.endsWith('/tags/list')) return false;
      const isSecond = url.searchParams.get('last') === 'v2';
      const body = JSON.stringify({ name: 'library/busybox', tags: isSecond ? ['v3'] : ['v1', 'v2'] });
      const link = { Link: '</v2/library/busybox/tags/list?last=v2&n=2>; rel="next"' };
      response.writeHead(200, { 'Content-Type': 'application/json', ...(!isSecond && link) }).end(body);
      return true;
    };
    const { tags } = node.mirror.registry;
    assert.deepEqual(await tags.page(NAME, { limit: Number.MAX_SAFE_INTEGER }), {
      items: ['v1', 'v2', 'v3'],
    });
    assert.deepEqual(await tags.page(NAME, { limit: 2 }), { items: ['v1', 'v2'], next: 'v2' });
    assert.deepEqual(await tags.page(NAME, { limit: 2, last: 'v2' }), { items: ['v3'] });
    assert.deepEqual(await tags.page(NAME, { limit: 1 }), { items: ['v1'], next: 'v1' });
    await upstream.stop();
    assert.deepEqual(await tags.page(NAME, { limit: 10 }), { items: ['v1'] });
    const never = parseRepositoryName('mirror/up/never/pulled');
    await assert.rejects(tags.page(never, { limit: 10 }), { code: 'UNAVAILABLE' });
  });

  it('lists referrers by the API, by the tag that stands for it, and those that were pulled while it is down', async () => {
    const node = open();
    const subject = upstream.manifest(image('1'), 'v1');
    const signature = upstream.manifest(
      image('signature', { subject: { mediaType: 'application/json', digest: subject.toString(), size: 1 } }),
    );
    await get(node, signature.toString());
    const listed = async (): Promise<readonly string[]> => {
      const digests: string[] = [];
      for await (const { digest } of node.mirror.registry.referrers.list(NAME, subject))
        digests.push(digest.toString());
      return digests;
    };
    const other = digestOf(randomBytes(8)).toString();
    const index = (...digests: readonly string[]): Buffer =>
      Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          manifests: digests.map((digest) => ({
            mediaType: 'application/vnd.oci.image.manifest.v1+json',
            digest,
            size: 5,
          })),
        }),
      );
    assert.deepEqual(await listed(), []);
    upstream.put(`manifests/sha256-${subject.hex}`, index(other), 'application/vnd.oci.image.index.v1+json');
    assert.deepEqual(await listed(), [other]);
    upstream.put(
      `referrers/${subject.toString()}`,
      index(signature.toString(), other),
      'application/vnd.oci.image.index.v1+json',
    );
    assert.deepEqual(await listed(), [signature.toString(), other].sort());
    await upstream.stop();
    assert.deepEqual(await listed(), [signature.toString()]);
  });

  it('asks nobody and answers what it holds while the registry is read-only', async () => {
    const node = open();
    const digest = upstream.manifest(image('1'), 'v1').toString();
    await get(node, 'v1');
    await node.readOnly.set({ by: 'anna', reason: 'a backup' });
    clock.advance(61_000);
    upstream.manifest(image('2'), 'v1');
    assert.equal(await digestAt(node, 'v1'), digest);
    await assert.rejects(get(node, 'v2'), { code: 'UNAVAILABLE', message: /read-only/ });
    assert.equal(upstream.asked.length, 2);
    await node.readOnly.clear();
    clock.advance(61_000);
    assert.notEqual(await digestAt(node, 'v1'), digest);
  });

  it('marks what was asked for', async () => {
    const node = open();
    const digest = upstream.manifest(image('1'), 'v1');
    await get(node, 'v1');
    await node.mirror.close();
    nodes.splice(0);
    const { objects } = await node.driver.list({ prefix: 'stackyard/v1/mirror/uses/', limit: 10 });
    assert.deepEqual(
      objects.map(({ key }) => Digest.parse(`sha256:${key.slice(-64)}`).toString()),
      [digest.toString()],
    );
  });
});
