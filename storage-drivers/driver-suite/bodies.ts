import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { Digest } from '../../src/domain/digest.js';

/** Numbers in 0 (inclusive) to 1 (exclusive), the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Bytes that differ everywhere for another seed. */
export function bytesOf(seed: number, size: number): Buffer {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let i = 0; i < words.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    words[i] = state ^ (state >>> 16);
  }
  return Buffer.from(words.buffer, 0, size);
}

export function digestOf(bytes: Uint8Array): Digest {
  return Digest.of('sha256', createHash('sha256').update(bytes).digest('hex'));
}

/** The bytes in chunks of `chunkSize`. */
export async function* chunked(bytes: Uint8Array, chunkSize = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += chunkSize) yield bytes.subarray(i, i + chunkSize);
}

/** Some bytes, then the error. */
export async function* failing(bytes: Uint8Array, error: Error): AsyncGenerator<Uint8Array> {
  yield* chunked(bytes);
  throw error;
}

/** Some bytes, then nothing for ever; `stuck` resolves once they were taken. */
export function stuckAfter(bytes: Uint8Array): { body: AsyncIterable<Uint8Array>; stuck: Promise<void> } {
  let arrive: () => void = () => undefined;
  const stuck = new Promise<void>((resolve) => (arrive = resolve));
  async function* body(): AsyncGenerator<Uint8Array> {
    yield* chunked(bytes);
    arrive();
    await new Promise(() => undefined);
  }
  return { body: body(), stuck };
}

export async function collect(body: Readable): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}
