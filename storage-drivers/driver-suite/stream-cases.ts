import assert from 'node:assert/strict';
import { once } from 'node:events';
import { bytesOf, chunked, collect, digestOf, randomFrom } from './bodies.js';
import { rejectsWith, type Subject } from './subject.js';

const MIB = 1024 * 1024;

export function streamCases(subject: () => Subject): void {
  /** An object of these bytes. */
  async function stored(bytes: Buffer): Promise<ReturnType<Subject['key']>> {
    const key = subject().key();
    await subject().driver.putVerified(key, chunked(bytes, MIB), {
      digest: digestOf(bytes),
      size: bytes.length,
    });
    return key;
  }

  it('reads ranges', async () => {
    const size = 3 * MIB + 17;
    const bytes = bytesOf(1, size);
    const key = await stored(bytes);
    const random = randomFrom(2);
    const ranges = Array.from({ length: 30 }, () => {
      const start = Math.floor(random() * size);
      return { start, end: start + Math.floor(random() * random() * (size - start)) };
    });
    ranges.push({ start: 0, end: 0 }, { start: 0, end: size - 1 }, { start: size - 1, end: size - 1 });
    ranges.push({ start: MIB, end: 2 * MIB - 1 }, { start: 5, end: 5 + 64 * 1024 - 1 });
    for (const range of ranges) {
      const { stat, body } = await subject().driver.get(key, { range });
      assert.equal(stat.size, size);
      const expected = bytes.subarray(range.start, range.end + 1);
      assert.ok((await collect(body)).equals(expected), `${range.start}-${range.end}`);
    }
  });

  it('ends a range at the end of the object', async () => {
    const key = await stored(Buffer.from('0123456789'));
    for (const end of [9, 10, 1000, Number.MAX_SAFE_INTEGER]) {
      const { body } = await subject().driver.get(key, { range: { start: 7, end } });
      assert.equal((await collect(body)).toString(), '789');
    }
  });

  it('says RANGE of a range that starts at or after the end', async () => {
    const key = await stored(Buffer.from('0123456789'));
    const empty = await stored(Buffer.alloc(0));
    await rejectsWith(subject().driver.get(key, { range: { start: 10, end: 10 } }), 'RANGE');
    await rejectsWith(subject().driver.get(key, { range: { start: 4000, end: 5000 } }), 'RANGE');
    await rejectsWith(subject().driver.get(empty, { range: { start: 0, end: 0 } }), 'RANGE');
  });

  it('reads on what was overwritten or deleted meanwhile, or fails', async () => {
    const bytes = bytesOf(3, 6 * MIB);
    for (const change of ['overwrite', 'delete'] as const) {
      const key = await stored(bytes);
      const { body } = await subject().driver.get(key);
      const chunks: Uint8Array[] = [];
      const reading = (async () => {
        for await (const chunk of body) {
          if (chunks.push(chunk as Uint8Array) !== 1) continue;
          if (change === 'delete') await subject().driver.delete(key);
          else await subject().driver.put(key, bytesOf(4, 6 * MIB));
        }
        return Buffer.concat(chunks);
      })();
      const read = await reading.catch(() => undefined);
      assert.ok(read === undefined || read.equals(bytes), `the body was torn by ${change}`);
    }
  });

  it('reads no further than its consumer', async () => {
    const key = await stored(bytesOf(5, 24 * MIB));
    const { body } = await subject().driver.get(key);
    await once(body, 'readable');
    body.read(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(body.readableLength <= 4 * MIB, `${body.readableLength} bytes are held`);
    body.destroy();
    await once(body, 'close');
  });

  it('lets go of a body that is destroyed', async () => {
    const key = await stored(bytesOf(6, 3 * MIB));
    const untouched = await subject().driver.get(key);
    untouched.body.destroy();
    const begun = await subject().driver.get(key);
    for await (const chunk of begun.body) {
      assert.ok(chunk);
      break;
    }
    const pending = await subject().driver.get(key);
    pending.body.resume();
    pending.body.destroy();
    const failed = await subject().driver.get(key);
    failed.body.on('error', () => undefined).destroy(new Error('consumer failed'));
    assert.ok(untouched.body.destroyed && begun.body.destroyed && failed.body.destroyed);
  });

  it('destroys a body with the reason of its signal', async () => {
    const key = await stored(bytesOf(7, 3 * MIB));
    const controller = new AbortController();
    const { body } = await subject().driver.get(key, { signal: controller.signal });
    const reason = new Error('no longer wanted');
    const reading = collect(body);
    controller.abort(reason);
    await assert.rejects(reading, reason);
  });

  it('forgets the signal of a body that was read', async () => {
    const key = await stored(bytesOf(8, 100));
    const controller = new AbortController();
    const { body } = await subject().driver.get(key, { signal: controller.signal });
    await collect(body);
    if (!body.closed) await once(body, 'close');
    controller.abort();
    assert.equal(body.errored, null);
  });

  it('serves many readers of one object', async () => {
    const bytes = bytesOf(9, 8 * MIB);
    const key = await stored(bytes);
    const random = randomFrom(10);
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        const start = Math.floor(random() * bytes.length);
        const { body } = await subject().driver.get(key, { range: { start, end: bytes.length - 1 } });
        assert.ok((await collect(body)).equals(bytes.subarray(start)));
      }),
    );
  });
}
