import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock, systemIds } from '../../src/composition/system.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { rejectsWith } from '../../storage-drivers/driver-suite/subject.js';
import { bytesOf, chunked, collect, digestOf } from '../../storage-drivers/driver-suite/bodies.js';
import { DISTRIBUTION_PREFIX, blobDataKey, tagCurrentKey } from '../../src/domain/keys.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import type { Tag } from '../../src/domain/reference.js';
import { purgeUploads } from '../../src/jobs/purge-uploads.js';
import { SessionKeys } from '../../src/registry/session-keys.js';
import { withBody } from '../support/fault-proxy/answer.js';
import { cut, rewrite, status } from '../support/fault-proxy/faults.js';
import { withHeader } from '../support/fault-proxy/raw-headers.js';
import { eachOnSwift, swiftDriver, type SwiftBench } from '../support/swift-store.js';

const MIB = 1024 * 1024;

describe('what a Swift driver must not be misled by', function () {
  this.timeout(60_000);
  let swift: SwiftBench;
  let driver: StorageDriver;
  let prefix: string;

  eachOnSwift((made) => {
    ({ swift, driver, prefix } = made);
  });

  it('survives a break of what was opened ahead of its reader', async () => {
    const bytes = bytesOf(7, 3 * MIB);
    const key = blobDataKey(digestOf(bytes));
    await driver.putVerified(key, chunked(bytes), { digest: digestOf(bytes), size: bytes.length });
    swift.proxy.inject({ match: { method: 'GET', nth: 2 }, fault: cut({ responseBytes: 1000 }) });
    const { body } = await driver.get(key);
    const iterator = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    const chunks = [(await iterator.next()).value as Buffer];
    await delay(1000);
    for (let step = await iterator.next(); step.done !== true; step = await iterator.next())
      chunks.push(step.value);
    assert.ok(Buffer.concat(chunks).equals(bytes));
  });

  it('reads on from where the reader is though what was opened ahead was answered 503', async () => {
    const bytes = bytesOf(8, 3 * MIB);
    const key = blobDataKey(digestOf(bytes));
    await driver.putVerified(key, chunked(bytes), { digest: digestOf(bytes), size: bytes.length });
    const { body } = await driver.get(key);
    const iterator = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    swift.proxy.inject({ match: { method: 'GET' }, fault: status(503) });
    const chunks = [(await iterator.next()).value as Buffer];
    await delay(2500);
    await swift.proxy.heal();
    for (let step = await iterator.next(); step.done !== true; step = await iterator.next())
      chunks.push(step.value);
    assert.ok(Buffer.concat(chunks).equals(bytes));
  });

  async function session(): Promise<string> {
    const set = systemIds.unique();
    await driver.segments.append(set, [], chunked(bytesOf(3, MIB)));
    return set;
  }

  async function keepsThroughAPurge(set: string): Promise<void> {
    const purging = purgeUploads(driver, systemClock, { olderThan: 8 * 86_400_000, dryRun: false });
    await purging.catch(() => undefined);
    await swift.proxy.heal();
    const { sets } = await driver.segments.list({ limit: 5 });
    assert.deepEqual(
      sets.map((info) => info.set),
      [set],
    );
  }

  for (const [what, change] of [
    ['with a zone', (row: Row) => ({ ...row, last_modified: `${row.last_modified}Z` })],
    ['without a time', ({ name, bytes }: Row) => ({ name, bytes })],
    ['with a time that is none', (row: Row) => ({ ...row, last_modified: 'yesterday' })],
  ] as const) {
    it(`does not purge what is listed ${what}`, async () => {
      const set = await session();
      swift.proxy.inject({
        match: { method: 'GET', query: /format=json/ },
        fault: rewrite((answer) => {
          const rows = (JSON.parse(answer.body.toString()) as Row[]).map<object>(change);
          return withBody(answer, Buffer.from(JSON.stringify(rows)));
        }),
      });
      await keepsThroughAPurge(set);
    });
  }

  it('does not purge by a Date that is none', async () => {
    const set = await session();
    swift.proxy.inject({
      fault: rewrite((answer) => ({ ...answer, headers: withHeader(answer.headers, 'Date', 'soon') })),
    });
    await keepsThroughAPurge(set);
  });

  it('does not remove the segments of a manifest that is answered empty', async () => {
    const set = systemIds.unique();
    const bytes = bytesOf(4, MIB);
    const key = blobDataKey(digestOf(bytes));
    await driver.segments.commit(set, await driver.segments.append(set, [], chunked(bytes)), key);
    swift.proxy.inject({
      match: { method: 'GET', query: /multipart-manifest=get/ },
      fault: rewrite((answer) => ({
        ...withBody(answer, Buffer.from('[]')),
        headers: withHeader(withHeader(answer.headers, 'Content-Length', '2'), 'Etag', '"slo"'),
      })),
    });
    await driver.segments.remove(set).catch(() => undefined);
    await swift.proxy.heal();
    assert.ok((await collect((await driver.get(key)).body)).equals(bytes));
  });

  it('deletes in bulks no larger than Swift takes', async () => {
    swift.proxy.inject({
      match: { method: 'GET', path: /^\/info/ },
      fault: rewrite((answer) => {
        const info = JSON.parse(answer.body.toString()) as object;
        return withBody(
          answer,
          Buffer.from(JSON.stringify({ ...info, bulk_delete: { max_deletes_per_request: 3 } })),
        );
      }),
    });
    const keys = Array.from({ length: 7 }, (_, i) => blobDataKey(digestOf(Buffer.from(String(i)))));
    for (const key of keys) await driver.put(key, Buffer.from('x'));
    swift.proxy.reset();
    assert.deepEqual(await driver.deleteMany(keys), []);
    assert.equal(swift.proxy.count({ method: 'POST', query: /bulk-delete/ }), 3);
    assert.deepEqual((await driver.list({ prefix: DISTRIBUTION_PREFIX, limit: 10 })).objects, []);
  });

  it('deletes in bulk though the token has run out', async () => {
    const limited = swiftDriver(swift.bed.limits, { prefix });
    try {
      const keys = ['1', '2', '3'].map((text) => blobDataKey(digestOf(Buffer.from(text))));
      for (const key of keys) await limited.put(key, Buffer.from('x'));
      await delay(3500);
      assert.deepEqual(await limited.deleteMany(keys), []);
    } finally {
      await limited.close();
    }
  });

  it('makes a session key though the answer of its put is lost', async () => {
    await driver.list({ prefix: 'stackyard/v1/', limit: 1 });
    swift.proxy.inject({ match: { method: 'PUT' }, times: 1, fault: status(503, { afterTheFact: true }) });
    const key = await new SessionKeys(driver, systemIds).current();
    assert.equal(key.secret.length, 32);
  });

  it('writes again what Swift took for older than what is there, and tells where that is for good', async () => {
    const key = tagCurrentKey(parseRepositoryName('a/b'), 'v1' as Tag);
    await driver.list({ prefix: 'stackyard/v1/', limit: 1 });
    swift.proxy.inject({ match: { method: 'PUT' }, times: 2, fault: status(202) });
    await driver.put(key, Buffer.from('new'));
    assert.equal((await driver.read(key)).toString(), 'new');
    swift.proxy.inject({ match: { method: 'PUT' }, fault: status(202) });
    await rejectsWith(driver.put(key, Buffer.from('newer')), 'UNAVAILABLE');
    const set = systemIds.unique();
    await swift.proxy.heal();
    const bytes = bytesOf(5, MIB);
    const segments = await driver.segments.append(set, [], chunked(bytes));
    swift.proxy.inject({
      match: { method: 'PUT', query: /multipart-manifest=put/ },
      times: 1,
      fault: status(202),
    });
    const blob = blobDataKey(digestOf(bytes));
    await driver.segments.commit(set, segments, blob, { replace: true });
    assert.equal((await driver.stat(blob)).size, bytes.length);
  });
});

interface Row {
  readonly name?: string;
  readonly bytes?: number;
  readonly last_modified?: string;
}
