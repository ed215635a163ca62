import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { GrowingBlob } from '../../../src/mirror/fetch/growing-blob.js';
import { StorageError } from '../../../src/ports/storage-driver.js';

const SIZE = 100_000;
const CHUNK = 1000;

describe('a blob while it is being taken', () => {
  const bytes = randomBytes(SIZE);
  const chunks = Array.from({ length: SIZE / CHUNK }, (_, i) => bytes.subarray(i * CHUNK, (i + 1) * CHUNK));
  const storedUpTo = (end: number) => ({
    bytes: end,
    open: (from: number) =>
      Promise.resolve(Readable.from([bytes.subarray(from, end)], { objectMode: false })),
  });
  const all = async (body: Readable): Promise<Buffer> => Buffer.concat(await body.toArray());

  it('is read by all as it comes', async () => {
    const blob = new GrowingBlob(SIZE, SIZE);
    const readers = [all(blob.read()), all(blob.read()), all(blob.read({ start: 500, end: 70_123 }))];
    for (const chunk of chunks) blob.push(chunk);
    blob.release();
    const [first, second, part] = await Promise.all(readers);
    assert.ok(first?.equals(bytes));
    assert.ok(second?.equals(bytes));
    assert.ok(part?.equals(bytes.subarray(500, 70_124)));
  });

  it('keeps the last byte until its digest is known', async () => {
    const blob = new GrowingBlob(SIZE, SIZE);
    const body = blob.read();
    let seen = 0;
    body.on('data', (chunk: Buffer) => (seen += chunk.byteLength));
    for (const chunk of chunks) blob.push(chunk);
    while (seen < SIZE - 1) await once(body, 'data');
    blob.store(storedUpTo(SIZE));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(seen, SIZE - 1);
    blob.release();
    await once(body, 'end');
    assert.equal(seen, SIZE);
  });

  it('holds no more than its window; who is slower reads the store', async () => {
    const blob = new GrowingBlob(SIZE, 10 * CHUNK);
    const body = blob.read();
    const reading = body[Symbol.asyncIterator]();
    const parts: Buffer[] = [];
    blob.push(chunks[0] ?? Buffer.alloc(0));
    parts.push((await reading.next()).value as Buffer);
    for (const chunk of chunks.slice(1)) blob.push(chunk);
    assert.equal(blob.heldAt(SIZE - 10 * CHUNK - 1), undefined);
    assert.ok(blob.heldAt(SIZE - 10 * CHUNK));
    blob.store(storedUpTo(40_000));
    blob.store(storedUpTo(SIZE));
    blob.release();
    for (let step = await reading.next(); step.done !== true; step = await reading.next())
      parts.push(step.value as Buffer);
    assert.ok(Buffer.concat(parts).equals(bytes));
  });

  it('waits for what is in neither', async () => {
    const blob = new GrowingBlob(SIZE, CHUNK);
    for (const chunk of chunks.slice(0, 50)) blob.push(chunk);
    const reading = all(blob.read());
    blob.store(storedUpTo(30_000));
    await new Promise((resolve) => setImmediate(resolve));
    for (const chunk of chunks.slice(50)) blob.push(chunk);
    blob.store(storedUpTo(SIZE));
    blob.release();
    assert.ok((await reading).equals(bytes));
  });

  it('goes on with the blob where the segments have become one', async () => {
    const blob = new GrowingBlob(SIZE, CHUNK);
    for (const chunk of chunks) blob.push(chunk);
    let opened = 0;
    blob.store({
      bytes: SIZE,
      open: () => {
        opened += 1;
        return Promise.reject(new StorageError('NOT_FOUND', 'segment is gone'));
      },
    });
    blob.release();
    const reading = all(blob.read());
    await new Promise((resolve) => setImmediate(resolve));
    blob.store(storedUpTo(SIZE));
    assert.ok((await reading).equals(bytes));
    assert.equal(opened, 1);
  });

  it('fails those who read where the store fails, and where it ends early', async () => {
    const error = new StorageError('UNAVAILABLE', 'the disk is gone');
    const broken = new GrowingBlob(SIZE, 0);
    broken.store({ bytes: SIZE, open: () => Promise.reject(error) });
    await assert.rejects(all(broken.read()), error);
    const short = new GrowingBlob(SIZE, 0);
    short.store({ bytes: SIZE, open: () => Promise.resolve(Readable.from([])) });
    await assert.rejects(all(short.read()), /ended early/);
  });

  it('fails all who read it with what it failed with', async () => {
    const blob = new GrowingBlob(SIZE, SIZE);
    const readers = [all(blob.read()), all(blob.read({ start: 10, end: 20_000 }))];
    blob.push(chunks[0] ?? Buffer.alloc(0));
    blob.fail(new Error('the upstream went away'));
    for (const reader of readers) await assert.rejects(reader, /went away/);
    await assert.rejects(all(blob.read()), /went away/);
  });

  it('goes on when it is taken once more for those who have nothing of it, and fails the others', async () => {
    const blob = new GrowingBlob(SIZE, 5 * CHUNK);
    const begun = all(blob.read());
    for (const chunk of chunks.slice(0, 20)) blob.push(chunk);
    const later = all(blob.read({ start: 50_000, end: SIZE - 1 }));
    await new Promise((resolve) => setImmediate(resolve));
    blob.restart(SIZE);
    await assert.rejects(begun, { code: 'UNAVAILABLE' });
    const fresh = all(blob.read());
    for (const chunk of chunks) blob.push(chunk);
    blob.release();
    assert.ok((await later).equals(bytes.subarray(50_000)));
    assert.ok((await fresh).equals(bytes));
  });

  it('tells how far ahead of the foremost reader it is, and when that reads on', async () => {
    const blob = new GrowingBlob(SIZE, 10 * CHUNK);
    for (const chunk of chunks.slice(0, 20)) blob.push(chunk);
    assert.equal(blob.unread, 0);
    const lost = blob.read();
    const body = blob.read({ start: 12 * CHUNK, end: SIZE - 1 });
    assert.equal(blob.unread, 8 * CHUNK);
    const progress = blob.progress(3_600_000);
    body.read();
    await progress;
    assert.ok(blob.unread < 8 * CHUNK);
    const leaving = blob.progress(3_600_000);
    body.destroy();
    await leaving;
    assert.equal(blob.unread, 0);
    await blob.progress(1);
    lost.destroy();
  });

  it('is forgotten by who leaves', async () => {
    const blob = new GrowingBlob(SIZE, SIZE);
    const body = blob.read();
    body.resume();
    body.destroy();
    await once(body, 'close');
    for (const chunk of chunks) blob.push(chunk);
    assert.equal(body.readableFlowing, true);
    assert.equal(body.destroyed, true);
  });

  it('may be empty', async () => {
    assert.equal((await all(new GrowingBlob(0, 10).read())).byteLength, 0);
  });
});
