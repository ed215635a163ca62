import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Digest } from '../../src/domain/digest.js';
import { blobDataKey, type Key } from '../../src/domain/keys.js';
import type { LegacyObjects } from '../../src/ports/legacy-objects.js';
import { isStorageError, type StorageDriver } from '../../src/ports/storage-driver.js';
import { laggingListing, reset, rewrite, status } from '../support/fault-proxy/faults.js';
import { withoutHeaders } from '../support/fault-proxy/raw-headers.js';
import { projectRoot } from '../support/project.js';
import { swiftLogin, swiftRequest } from '../support/swift-client.js';
import { SwiftObjects, segmentName } from '../support/swift-objects.js';
import { swiftBench, swiftDriver, type SwiftBench } from '../support/swift-store.js';

const MIB = 1024 * 1024;
const CONTAINER = 'stackyard-tests';

interface Dlo {
  readonly bytes: Buffer;
  readonly digest: Digest;
  readonly key: Key;
  readonly name: string;
  readonly prefix: string;
}

describe('dynamic large objects in Swift', function () {
  this.timeout(60_000);
  let swift: SwiftBench;
  let driver: StorageDriver;
  let legacy: LegacyObjects;
  let objects: SwiftObjects;

  before(async function () {
    swift = await swiftBench(this);
  });
  after(() => swift?.stop());

  beforeEach(async () => {
    const prefix = randomBytes(8).toString('hex');
    driver = swiftDriver(swift.account, { container: CONTAINER, prefix });
    assert.ok(driver.legacy);
    legacy = driver.legacy;
    objects = new SwiftObjects(swift.bed, { container: CONTAINER, prefix }, `${prefix}/files/`);
    await driver.list({ prefix: 'docker/registry/v2/', limit: 1 });
  });

  afterEach(async () => {
    await swift.proxy.heal();
    swift.proxy.reset();
    await driver.close();
  });

  async function dloOf(segments: readonly Buffer[]): Promise<Dlo> {
    const bytes = Buffer.concat(segments);
    const digest = digestOf(bytes);
    const key = blobDataKey(digest);
    const name = objects.blobName(digest.toString());
    return { bytes, digest, key, name, prefix: await objects.putDlo(name, digest.hex, segments) };
  }

  async function read(key: Key): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of (await driver.get(key)).body) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }

  async function assertMismatch(work: Promise<unknown>, message: RegExp): Promise<void> {
    await assert.rejects(work, (error) => isStorageError(error, 'MISMATCH') && message.test(error.message));
  }

  it('are told from plain and from static ones', async () => {
    const { key, prefix } = await dloOf([randomBytes(10), randomBytes(20)]);
    const segments = `${CONTAINER}/${prefix}`;
    assert.deepEqual(await legacy.inspect(key), { form: 'legacy', size: 30, segments });
    const [plain, large] = [randomBytes(5), randomBytes(2000)].map(digestOf) as [Digest, Digest];
    await driver.put(blobDataKey(plain), Buffer.alloc(5));
    assert.deepEqual(await legacy.inspect(blobDataKey(plain)), { form: 'plain', size: 5 });
    const parts = await driver.segments.append('some', [], Readable.from([Buffer.alloc(2000)]));
    await driver.segments.commit('some', parts, blobDataKey(large));
    assert.deepEqual(await legacy.inspect(blobDataKey(large)), { form: 'large', size: 2000 });
    await assert.rejects(legacy.inspect(blobDataKey(digestOf(Buffer.alloc(1)))), { code: 'NOT_FOUND' });
  });

  it('become static ones of the same segments, with the etag that they had', async () => {
    const { key, digest, bytes, name, prefix } = await dloOf([
      randomBytes(MIB),
      randomBytes(MIB),
      randomBytes(7),
    ]);
    const before = await objects.formOf(name);
    assert.ok((await read(key)).equals(bytes));
    await (await legacy.verify(key, digest)).convert();
    const after = await objects.formOf(name);
    assert.deepEqual(after, { form: 'SLO', size: bytes.length, etag: before.etag, segments: undefined });
    assert.ok((await read(key)).equals(bytes));
    assert.equal((await objects.names(prefix)).length, 3);
  });

  it('are verified without a change, and converted without a POST to any object', async () => {
    const { key, digest, name } = await dloOf([randomBytes(MIB), randomBytes(10)]);
    swift.proxy.reset();
    const sound = await legacy.verify(key, digest);
    assert.deepEqual([swift.proxy.count({ method: 'PUT' }), swift.proxy.count({ method: 'DELETE' })], [0, 0]);
    await sound.convert();
    assert.equal((await objects.formOf(name)).form, 'SLO');
    assert.equal(swift.proxy.count({ method: 'POST' }), 0);
  });

  it('without a byte become an empty object', async () => {
    for (const segments of [[], [Buffer.alloc(0)]]) {
      const { key, digest, name } = await dloOf(segments);
      await (await legacy.verify(key, digest)).convert();
      assert.deepEqual([(await objects.formOf(name)).form, (await read(key)).length], ['plain', 0]);
    }
  });

  it('with a lost segment are left as they are, and the segment is named', async () => {
    const { key, digest, name, prefix } = await dloOf([randomBytes(MIB), randomBytes(MIB), randomBytes(9)]);
    await objects.delete(segmentName(prefix, 2));
    await assertMismatch(legacy.verify(key, digest), /0000000000000002 is gone/);
    await objects.delete(segmentName(prefix, 3));
    await assertMismatch(
      legacy.verify(key, digest),
      /its segments \(1, 1048576 bytes\) hold another digest, sha256:/,
    );
    await objects.delete(segmentName(prefix, 1));
    await assertMismatch(legacy.verify(key, digest), /another digest/);
    assert.equal((await objects.formOf(name)).form, 'DLO');
  });

  it('with a changed segment are left as they are, also where it changes after it was read', async () => {
    const { key, digest, name, prefix } = await dloOf([randomBytes(MIB), randomBytes(9)]);
    const sound = await legacy.verify(key, digest);
    await objects.put(segmentName(prefix, 2), randomBytes(9));
    await assertMismatch(sound.convert(), /not those that were written/);
    await assertMismatch(legacy.verify(key, digest), /another digest/);
    assert.equal((await objects.formOf(name)).form, 'DLO');
  });

  it('whose segments lie elsewhere are left as they are, also where that container is gone', async () => {
    const { key, digest, name } = await dloOf([randomBytes(9)]);
    const other = `stackyard-${randomBytes(8).toString('hex')}`;
    await swift.bed.request('PUT', `/${other}`);
    await objects.put(name, Buffer.alloc(0), { 'x-object-manifest': `${other}/place` });
    const refusal = /segments of .* are not in the container stackyard-tests/;
    for (const step of ['there', 'gone']) {
      assert.equal((await legacy.inspect(key)).form, 'legacy', step);
      await assert.rejects(
        legacy.verify(key, digest),
        (error) => isStorageError(error, 'UNAVAILABLE') && refusal.test(error.message),
      );
      await swift.bed.request('DELETE', `/${other}`);
    }
  });

  it('that somebody replaced after they were read are left to him', async () => {
    const { key, digest, bytes, name } = await dloOf([randomBytes(MIB), randomBytes(9)]);
    const sound = await legacy.verify(key, digest);
    await objects.put(name, bytes);
    await sound.convert();
    assert.equal((await objects.formOf(name)).form, 'plain');
    await assert.rejects(legacy.verify(key, digest), { code: 'NOT_FOUND' });
  });

  it('count as converted only once their manifest was read back as it was meant', async () => {
    const { key, digest } = await dloOf([randomBytes(MIB), randomBytes(9)]);
    const sound = await legacy.verify(key, digest);
    const withoutTheLast = (body: Buffer): Buffer =>
      Buffer.from(JSON.stringify((JSON.parse(body.toString()) as unknown[]).slice(0, -1)));
    swift.proxy.inject({
      match: { method: 'GET', query: /multipart-manifest=get/ },
      fault: rewrite(({ headers, body, ...answer }) => ({
        ...answer,
        headers: withoutHeaders(headers, ['etag']),
        body: withoutTheLast(body),
      })),
    });
    await assert.rejects(
      sound.convert(),
      (error) => isStorageError(error, 'UNAVAILABLE') && /does not tell all its parts/.test(error.message),
    );
  });

  it('are found whole where the listing does not show their last segments', async () => {
    const segments = [randomBytes(MIB), randomBytes(MIB), randomBytes(9)];
    const bytes = Buffer.concat(segments);
    const digest = digestOf(bytes);
    const name = objects.blobName(digest.toString());
    // What does not go through the proxy its listings show at once.
    const prefix = await objects.putDlo(name, digest.hex, segments.slice(0, 1));
    const { storageUrl, token } = await swiftLogin(swift.account);
    const lag = swift.proxy.inject({ fault: laggingListing() });
    for (const number of [2, 3]) {
      const path = `/${CONTAINER}/${segmentName(prefix, number)}`;
      await swiftRequest('PUT', storageUrl + path, { 'x-auth-token': token }, segments[number - 1]);
    }
    await (await legacy.verify(blobDataKey(digest), digest)).convert();
    assert.ok(lag.hits > 0);
    const after = await objects.formOf(name);
    assert.deepEqual([after.form, after.size], ['SLO', bytes.length]);
  });

  it('are read through refusals and broken connections', async () => {
    const { key, digest, name } = await dloOf([randomBytes(2 * MIB), randomBytes(2 * MIB)]);
    const segment = /000000000000000\d$/;
    swift.proxy.inject({ match: { method: 'GET', path: segment, nth: 1 }, times: 1, fault: status(503) });
    const cut = swift.proxy.inject({
      match: { method: 'GET', path: segment, nth: 2 },
      times: 1,
      fault: reset({ responseBytes: MIB }),
    });
    await (await legacy.verify(key, digest)).convert();
    assert.equal(cut.hits, 1);
    assert.equal((await objects.formOf(name)).form, 'SLO');
  });

  it('are converted under a reader', async () => {
    const { key, digest, bytes, name } = await dloOf(Array.from({ length: 12 }, () => randomBytes(MIB)));
    const { body } = await driver.get(key);
    const chunks: Buffer[] = [];
    for await (const chunk of body) {
      if (chunks.length === 0) await (await legacy.verify(key, digest)).convert();
      chunks.push(chunk as Buffer);
    }
    assert.equal((await objects.formOf(name)).form, 'SLO');
    assert.ok(Buffer.concat(chunks).equals(bytes));
  });

  it('of more segments than one manifest takes are nested, and survive the purge', async () => {
    // The proxy with limits takes 5 parts a manifest.
    const limited = swiftDriver(swift.bed.limits, { container: CONTAINER, prefix: objects.place.prefix });
    try {
      const { key, digest, bytes, name, prefix } = await dloOf(
        Array.from({ length: 12 }, () => randomBytes(100)),
      );
      assert.ok(limited.legacy);
      await (await limited.legacy.verify(key, digest)).convert();
      const after = await objects.formOf(name);
      assert.deepEqual([after.form, after.size], ['SLO', bytes.length]);
      const { sets } = await limited.segments.list({ limit: 10 });
      assert.equal(sets.length, 1);
      for (const { set } of sets) await limited.segments.remove(set);
      assert.ok((await read(key)).equals(bytes));
      assert.equal((await objects.names(prefix)).length, 12);
    } finally {
      await limited.close();
    }
  });
});

describe('the Swift driver', () => {
  it('has no request that could POST to an object, which drops what it does not repeat', () => {
    const folder = join(projectRoot, 'storage-drivers', 'swift');
    const posts = readdirSync(folder)
      .filter((name) => name.endsWith('.ts'))
      .flatMap((name) => {
        const text = readFileSync(join(folder, name), 'utf8');
        // A request is an object literal; this is what stands around its method.
        return [...text.matchAll(/\{[^{}]*method: 'POST'[^{}]*/g)].map(([literal]) => ({ name, literal }));
      });
    assert.ok(posts.length > 0);
    assert.deepEqual(
      posts.filter(({ literal }) => /\bobject\b/.test(literal)),
      [],
    );
  });
});

function digestOf(bytes: Uint8Array): Digest {
  return Digest.parse(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
}
