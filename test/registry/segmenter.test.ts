import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Digester } from '../../src/registry/digester.js';
import { appendSegments } from '../../src/registry/segmenter.js';
import { bytesOf, collect } from '../../storage-drivers/driver-suite/bodies.js';
import { createMemoryDriver } from '../../storage-drivers/memory/memory-driver.js';
import { testClock, testIds } from '../storage-drivers/memory-fixture.js';

describe('segmenter', () => {
  const { segments: store } = createMemoryDriver({ clock: testClock, ids: testIds(), joinBelow: 0 });

  async function segmentsOf(body: AsyncIterable<Uint8Array>, segmentBytes: number, pause: number) {
    const digester = Digester.start('sha256');
    let held: Awaited<ReturnType<typeof store.append>> = [];
    for await (const segments of appendSegments(store, segmentBytes, 'set', [], body, digester, pause))
      held = segments;
    return { held, digester };
  }

  it('cuts a body by size, and where it pauses, and loses no byte of it', async () => {
    const bytes = bytesOf(1, 1000);
    let resume: () => void = () => undefined;
    async function* pausing(): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 450);
      await new Promise<void>((resolve) => (resume = resolve));
      yield bytes.subarray(450);
    }
    const appending = segmentsOf(pausing(), 300, 5);
    // Only once the second segment was ended by the pause is the source let go on.
    for (;;) {
      const [set] = (await store.list({ limit: 1 })).sets;
      if (set?.size === 450) break;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    resume();
    const { held, digester } = await appending;
    assert.deepEqual(
      held.map(({ size }) => size),
      [300, 150, 300, 250],
    );
    assert.ok((await collect(store.read('set', held))).equals(bytes));
    assert.equal(digester.digests().sha256.hex, createHash('sha256').update(bytes).digest('hex'));
  });

  it('passes on what the body fails with, also after a pause', async () => {
    const error = new Error('the body broke');
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield bytesOf(2, 10);
      await new Promise((resolve) => setTimeout(resolve, 20));
      throw error;
    }
    await assert.rejects(segmentsOf(failing(), 300, 5), error);
  });
});
