import assert from 'node:assert/strict';
import { blobDataKey } from '../../src/domain/keys.js';
import { systemIds } from '../../src/composition/system.js';
import { StoredOtherwise } from '../../src/ports/storage-driver.js';
import type { Segment, StorageDriver } from '../../src/ports/storage-driver.js';
import { bytesOf, chunked, collect, digestOf } from '../../storage-drivers/driver-suite/bodies.js';
import { rejectsWith } from '../../storage-drivers/driver-suite/subject.js';
import { cut, rewrite, status } from '../support/fault-proxy/faults.js';
import { withHeader } from '../support/fault-proxy/raw-headers.js';
import { eachOnSwift, swiftDriver, type SwiftBench } from '../support/swift-store.js';

const MIB = 1024 * 1024;
const CONTAINER = 'stackyard-tests';

describe('swift segments', function () {
  this.timeout(60_000);
  let swift: SwiftBench;
  let driver: StorageDriver;
  let prefix: string;

  eachOnSwift((made) => {
    ({ swift, driver, prefix } = made);
  });

  async function appended(set: string, parts: readonly Buffer[], to = driver): Promise<readonly Segment[]> {
    let segments: readonly Segment[] = [];
    for (const part of parts) segments = await to.segments.append(set, segments, chunked(part));
    return segments;
  }

  async function objects(): Promise<string[]> {
    const { body } = await swift.bed.request('GET', `/${CONTAINER}?prefix=${prefix}/`);
    return body
      .toString()
      .split('\n')
      .filter((name) => name !== '')
      .map((name) => name.slice(prefix.length + 1));
  }

  it('sends what is held again, and what is streamed never', async () => {
    const small = bytesOf(1, 3 * MIB);
    const large = bytesOf(2, 6 * MIB);
    await driver.list({ prefix: 'stackyard/v1/', limit: 1 });
    const after = { method: 'PUT', path: /segments/ };
    swift.proxy.inject({ match: after, times: 1, fault: status(503, { afterBody: true }) });
    const [segment] = await appended('held', [small]);
    assert.equal(segment?.size, small.length);
    swift.proxy.inject({ match: after, times: 1, fault: status(503, { afterBody: true }) });
    swift.proxy.reset();
    await rejectsWith(appended('streamed', [large]), 'UNAVAILABLE');
    assert.equal(swift.proxy.count({ method: 'PUT' }), 1);
    swift.proxy.inject({ match: after, times: 2, fault: status(503) });
    swift.proxy.reset();
    const [whole] = await appended('refused-first', [large]);
    assert.equal(whole?.size, large.length);
    assert.deepEqual(
      swift.proxy.requests.map(({ bytesUp }) => bytesUp >= large.length),
      [false, false, true],
    );
  });

  it('refuses what Swift stored otherwise than it was sent', async () => {
    const body = bytesOf(3, 5 * MIB);
    await driver.list({ prefix: 'stackyard/v1/', limit: 1 });
    const other = rewrite((answer) => ({
      ...answer,
      headers: withHeader(answer.headers, 'Etag', 'd41d8cd98f00b204e9800998ecf8427e'),
    }));
    swift.proxy.inject({ match: { method: 'PUT' }, fault: other });
    await rejectsWith(appended('other', [body]), 'UNAVAILABLE');
    await rejectsWith(appended('other', [body.subarray(0, 100)]), 'UNAVAILABLE');
  });

  it('takes away what Swift stored otherwise at a final name, or says that it could not', async () => {
    const bytes = bytesOf(8, 5 * MIB);
    const digest = digestOf(bytes);
    const key = blobDataKey(digest);
    const put = () => driver.putVerified(key, chunked(bytes), { digest, size: bytes.length });
    const other = rewrite((answer) => ({
      ...answer,
      headers: withHeader(answer.headers, 'Etag', 'd41d8cd98f00b204e9800998ecf8427e'),
    }));
    await driver.list({ prefix: 'stackyard/v1/', limit: 1 });
    swift.proxy.inject({ match: { method: 'PUT' }, fault: other });
    await rejectsWith(put(), 'UNAVAILABLE');
    await rejectsWith(driver.stat(key), 'NOT_FOUND');
    swift.proxy.inject({ match: { method: 'DELETE' }, fault: status(503) });
    await assert.rejects(put(), StoredOtherwise);
  });

  it('nests manifests above the limit of one, and reads and purges them', async () => {
    const limited = swiftDriver(swift.bed.limits, { prefix, segmentBytes: MIB });
    try {
      const parts = Array.from({ length: 27 }, (_, i) => bytesOf(i, 70_000 + i));
      const bytes = Buffer.concat(parts);
      const set = systemIds.unique();
      const segments: Segment[] = [];
      for (const part of parts) segments.push(...(await appended(set, [part], limited)));
      const key = blobDataKey(digestOf(bytes));
      await limited.segments.commit(set, segments, key);
      assert.equal((await driver.stat(key)).size, bytes.length);
      for (const by of [limited, driver]) assert.ok((await collect((await by.get(key)).body)).equals(bytes));
      const range = { start: 69_999, end: 700_123 };
      assert.ok(
        (await collect((await driver.get(key, { range })).body)).equals(
          bytes.subarray(range.start, range.end + 1),
        ),
      );
      const before = await objects();
      await limited.segments.remove(set);
      assert.deepEqual(await objects(), before, 'what the blob needs was removed');
      assert.equal(await driver.isDamaged(key), false);
      await limited.delete(key);
      await limited.segments.remove(set);
      assert.deepEqual(await objects(), []);
    } finally {
      await limited.close();
    }
  });

  it('keeps what any blob of the set needs, removes the rest, and knows which is which without a listing', async () => {
    const set = systemIds.unique();
    const parts = [bytesOf(1, MIB), bytesOf(2, MIB), bytesOf(3, MIB)];
    const segments = await appended(set, parts);
    const early = segments.slice(0, 2);
    const key = blobDataKey(digestOf(Buffer.concat(parts.slice(0, 2))));
    await driver.segments.commit(set, early, key);
    await driver.segments.remove(set);
    await rejectsWith(collect(driver.segments.read(set, segments)), 'NOT_FOUND');
    assert.ok((await collect((await driver.get(key)).body)).equals(Buffer.concat(parts.slice(0, 2))));
    await driver.delete(key);
    await driver.segments.remove(set);
    assert.deepEqual(await objects(), []);
  });

  it('keeps the set where an owner cannot be read, or its manifest', async () => {
    const set = systemIds.unique();
    const bytes = bytesOf(4, MIB);
    const key = blobDataKey(digestOf(bytes));
    await driver.segments.commit(set, await appended(set, [bytes]), key);
    const before = await objects();
    for (const path of [/stackyard\/v1\/segments/, /blobs\/sha256/]) {
      for (const query of [/^$/, /multipart-manifest=get/]) {
        swift.proxy.inject({ match: { method: 'GET', path, query }, fault: status(503) });
        const outcome = await driver.segments.remove(set).then(
          () => 'removed',
          () => 'kept',
        );
        await swift.proxy.heal();
        assert.deepEqual(await objects(), before, `${path.source} ${query.source}: ${outcome}`);
      }
    }
  });

  it('tells damage by its segments: gone, overwritten; an outage proves nothing', async () => {
    const set = systemIds.unique();
    const parts = [bytesOf(1, MIB), bytesOf(2, MIB)];
    const key = blobDataKey(digestOf(Buffer.concat(parts)));
    const segments = await appended(set, parts);
    await driver.segments.commit(set, segments, key);
    assert.equal(await driver.isDamaged(key), false);
    swift.proxy.inject({ match: { method: 'HEAD' }, fault: status(503) });
    await rejectsWith(driver.isDamaged(key), 'UNAVAILABLE');
    await swift.proxy.heal();
    const second = `/${CONTAINER}/${prefix}/segments/stackyard/${set}/${segments[1]?.name}`;
    await swift.bed.request('PUT', second, {}, bytesOf(9, MIB));
    assert.equal(await driver.isDamaged(key), true);
    await swift.bed.request('DELETE', second);
    assert.equal(await driver.isDamaged(key), true);
    const { body } = await driver.get(key);
    await rejectsWith(collect(body), 'MISMATCH');
  });

  it('reads a blob on through connections that break', async () => {
    const bytes = bytesOf(7, 5 * MIB);
    const key = blobDataKey(digestOf(bytes));
    await driver.putVerified(key, chunked(bytes), { digest: digestOf(bytes), size: bytes.length });
    swift.proxy.inject({ match: { method: 'GET' }, times: 5, fault: cut({ responseBytes: 400_000 }) });
    assert.ok((await collect((await driver.get(key)).body)).equals(bytes));
    swift.proxy.inject({ match: { method: 'GET' }, fault: cut({ responseBytes: 0 }) });
    await rejectsWith(
      driver.get(key).then(({ body }) => collect(body)),
      'UNAVAILABLE',
    );
  });
});
