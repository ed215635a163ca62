import { Readable } from 'node:stream';
import { withHeader, withoutHeaders, type RawHeaders } from './raw-headers.js';

export interface AnswerHead {
  readonly status: number;
  readonly reason: string;
  readonly headers: RawHeaders;
}

/** An answer whose body is still on its way. */
export interface StreamedAnswer extends AnswerHead {
  readonly body: Readable;
}

/** An answer held in memory. */
export interface Answer extends AnswerHead {
  readonly body: Buffer;
}

const MOST_BYTES = 16 * 1024 * 1024;

/** Reads an answer to its end and leaves out the headers of its connection; throws when it is not a small one. */
export async function collected(answer: StreamedAnswer): Promise<Answer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_BYTES) throw new Error(`an answer of more than ${MOST_BYTES} bytes cannot be held`);
    chunks.push(chunk);
  }
  const headers = withoutHeaders(answer.headers, ['transfer-encoding', 'connection', 'keep-alive']);
  return { status: answer.status, reason: answer.reason, headers, body: Buffer.concat(chunks) };
}

/** The same answer with another body, and the length that belongs to it. */
export function withBody<T extends AnswerHead>(answer: T, body: Buffer): Answer {
  return { ...answer, headers: withHeader(answer.headers, 'Content-Length', String(body.length)), body };
}

export function streamed(answer: Answer): StreamedAnswer {
  return { ...answer, body: Readable.from([answer.body]) };
}
