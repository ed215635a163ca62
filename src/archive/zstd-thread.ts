import { Worker } from 'node:worker_threads';
import { malformed } from './invalid-archive.js';
import type { ZstdAnswer, ZstdQuestion } from './zstd-worker.js';

/** Milliseconds for what takes a few; 27 bytes can keep fzstd busy for ever. */
const LONGEST_ANSWER = 10_000;
/** Compressed bytes that the thread is given at once. */
const PIECE = 64 * 1024;

/** Decompresses zstd on a thread of its own, which is ended with the stream. @throws InvalidArchive */
export async function* unzstd(
  source: AsyncIterable<Uint8Array>,
  longestAnswer = LONGEST_ANSWER,
): AsyncGenerator<Uint8Array, void, void> {
  const worker = new Worker(new URL('./zstd-worker.js', import.meta.url));
  const ask = (question: ZstdQuestion) => answerOf(worker, question, longestAnswer);
  try {
    for await (const chunk of source) {
      for (let start = 0; start < chunk.byteLength; start += PIECE) {
        let bytes = await ask({ kind: 'push', bytes: chunk.subarray(start, start + PIECE) });
        while (bytes !== undefined) {
          yield bytes;
          bytes = await ask({ kind: 'next' });
        }
      }
    }
    await ask({ kind: 'end' });
  } finally {
    await worker.terminate();
  }
}

/** Undefined where more input is needed. */
function answerOf(
  worker: Worker,
  question: ZstdQuestion,
  longestAnswer: number,
): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => settle(() => reject(refused('it takes too long to decompress'))),
      longestAnswer,
    );
    const settle = (how: () => void): void => {
      clearTimeout(timer);
      worker.off('message', answered).off('error', failed).off('exit', ended);
      how();
    };
    const answered = ({ bytes, refusal }: ZstdAnswer): void =>
      settle(() => (refusal === undefined ? resolve(bytes) : reject(refused(refusal))));
    const failed = (error: Error): void => settle(() => reject(error));
    const ended = (): void => settle(() => reject(new Error('the thread that decompresses zstd ended')));
    worker.on('message', answered).on('error', failed).on('exit', ended);
    worker.postMessage({ ...question });
  });
}

function refused(reason: string): Error {
  return malformed(`the archive is no zstd that can be read here: ${reason}`);
}
