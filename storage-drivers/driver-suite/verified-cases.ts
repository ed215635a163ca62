import assert from 'node:assert/strict';
import { bytesOf, chunked, digestOf, failing, stuckAfter } from './bodies.js';
import { rejectsWith, type Subject } from './subject.js';

const MIB = 1024 * 1024;

export function verifiedCases(subject: () => Subject): void {
  it('stores bodies of any size in chunks of any size', async () => {
    const sizes = [0, 1, 32, 65536, 512 * 1024 - 1, 512 * 1024, MIB + 1, 5 * MIB + 3];
    for (const [seed, size] of sizes.entries()) {
      for (const chunk of [997, 65536, 8 * MIB].slice(size > 70_000 ? 1 : 0)) {
        const key = subject().key();
        const bytes = bytesOf(seed, size);
        const stat = await subject().driver.putVerified(key, chunked(bytes, chunk), {
          digest: digestOf(bytes),
          size,
        });
        assert.equal(stat.size, size);
        assert.ok((await subject().content(key)).equals(bytes), `${size} bytes by ${chunk}`);
      }
    }
  });

  it('takes chunks of nothing and of one byte', async () => {
    const bytes = bytesOf(1, 3000);
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(0);
      yield* chunked(bytes, 1);
      yield Buffer.alloc(0);
    }
    const key = subject().key();
    await subject().driver.putVerified(key, body(), { digest: digestOf(bytes), size: bytes.length });
    assert.ok((await subject().driver.read(key)).equals(bytes));
  });

  it('stores nothing that does not match', async () => {
    const bytes = bytesOf(2, MIB + 5);
    const size = bytes.length;
    const digest = digestOf(bytes);
    const changed = Buffer.from(bytes);
    changed[size - 1] = (changed[size - 1] ?? 0) ^ 1;
    const wrong: readonly [string, Uint8Array, number][] = [
      ['another last byte', changed, size],
      ['a byte short', bytes.subarray(0, -1), size],
      ['a byte long', Buffer.concat([bytes, Buffer.from('x')]), size],
      ['far too long', Buffer.concat([bytes, bytes, bytes]), size],
      ['nothing', Buffer.alloc(0), size],
      ['another size announced, below', bytes, size - 1],
      ['another size announced, above', bytes, size + 1],
    ];
    for (const [what, body, announced] of wrong) {
      const key = subject().key();
      const put = subject().driver.putVerified(key, chunked(body), { digest, size: announced });
      await rejectsWith(put, 'MISMATCH');
      assert.equal(await subject().present(key), false, what);
    }
  });

  it('says EXISTS only once the body matched', async () => {
    const { driver } = subject();
    const bytes = bytesOf(3, 200_000);
    const options = { digest: digestOf(bytes), size: bytes.length };
    const key = subject().key();
    await driver.putVerified(key, chunked(bytes), options);
    await rejectsWith(driver.putVerified(key, chunked(bytesOf(4, 200_000)), options), 'MISMATCH');
    await rejectsWith(driver.putVerified(key, chunked(bytes.subarray(1)), options), 'MISMATCH');
    let taken = 0;
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const chunk of chunked(bytes, 1000)) {
        taken += chunk.length;
        yield chunk;
      }
    }
    await rejectsWith(driver.putVerified(key, counted(), options), 'EXISTS');
    assert.equal(taken, bytes.length);
    assert.ok((await driver.read(key)).equals(bytes));
  });

  it('replaces only with what matches', async () => {
    const { driver } = subject();
    const bytes = bytesOf(5, 200_000);
    const options = { digest: digestOf(bytes), size: bytes.length, replace: true };
    const key = subject().key();
    await driver.put(key, Buffer.from('damaged'));
    await rejectsWith(driver.putVerified(key, chunked(bytes.subarray(1)), options), 'MISMATCH');
    assert.equal((await driver.read(key)).toString(), 'damaged');
    await driver.putVerified(key, chunked(bytes), options);
    assert.ok((await driver.read(key)).equals(bytes));
    await driver.putVerified(key, chunked(bytes), options);
    assert.ok((await driver.read(key)).equals(bytes));
  });

  it('passes on the error of a body and stores nothing', async () => {
    const error = new Error('the client went away');
    const bytes = bytesOf(6, 2 * MIB);
    for (const sent of [0, 1000, MIB]) {
      const key = subject().key();
      const body = failing(bytes.subarray(0, sent), error);
      const put = subject().driver.putVerified(key, body, { digest: digestOf(bytes), size: bytes.length });
      await assert.rejects(put, error);
      assert.equal(await subject().present(key), false);
    }
  });

  it('tells a body that it is no longer read', async () => {
    let returned = false;
    const bytes = bytesOf(7, 1000);
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield bytes;
      } finally {
        returned = true;
      }
    }
    const put = subject().driver.putVerified(subject().key(), endless(), {
      digest: digestOf(bytes),
      size: 5000,
    });
    await rejectsWith(put, 'MISMATCH');
    assert.ok(returned);
  });

  it('gives up a stuck body when the signal aborts', async () => {
    const bytes = bytesOf(8, MIB);
    const controller = new AbortController();
    const { body, stuck } = stuckAfter(bytes.subarray(0, 700_000));
    const key = subject().key();
    const put = subject().driver.putVerified(key, body, {
      digest: digestOf(bytes),
      size: bytes.length,
      signal: controller.signal,
    });
    const reason = new Error('no longer wanted');
    void stuck.then(() => controller.abort(reason));
    await assert.rejects(put, reason);
    assert.equal(await subject().present(key), false);
  });
}
