import { parentPort } from 'node:worker_threads';
import { ZstdFrames } from './zstd-frames.js';

/** One question to the thread: the next bytes, what is left of earlier ones, or whether the stream may end. */
export type ZstdQuestion =
  | { readonly kind: 'push'; readonly bytes: Uint8Array }
  | { readonly kind: 'next' }
  | { readonly kind: 'end' };

/** Without bytes: more input is needed. */
export interface ZstdAnswer {
  readonly bytes?: Uint8Array;
  /** Why the input is no zstd. */
  readonly refusal?: string;
}

/** Bytes to an answer, unless a single block has more. */
const ANSWER_BYTES = 256 * 1024;

const frames = new ZstdFrames();

parentPort?.on('message', (question: ZstdQuestion) => {
  const answer = answerTo(question);
  parentPort?.postMessage(answer, answer.bytes === undefined ? [] : [answer.bytes.buffer as ArrayBuffer]);
});

function answerTo(question: ZstdQuestion): ZstdAnswer {
  try {
    if (question.kind === 'end') return frames.isComplete ? {} : { refusal: 'it is cut off' };
    if (question.kind === 'push') frames.push(question.bytes);
    const blocks: Uint8Array[] = [];
    let size = 0;
    while (size < ANSWER_BYTES) {
      const block = frames.next();
      if (block === undefined) break;
      blocks.push(block);
      size += block.byteLength;
    }
    return size === 0 ? {} : { bytes: joined(blocks, size) };
  } catch (error) {
    return { refusal: error instanceof Error ? error.message : String(error) };
  }
}

/** In memory of its own, which is handed over. */
function joined(blocks: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let end = 0;
  for (const block of blocks) {
    bytes.set(block, end);
    end += block.byteLength;
  }
  return bytes;
}
