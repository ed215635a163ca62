import { setTimeout as delay } from 'node:timers/promises';
import type { Digest } from '../../domain/digest.js';
import type { Remote } from '../remote.js';
import type { UpstreamAnswer } from '../upstream/upstream-access.js';
import { UpstreamError, isUpstreamError } from '../upstream/upstream-error.js';

/** How often in succession a body that breaks off is asked for again without a byte more. */
const MOST_RESUMPTIONS = 3;
const PAUSE_MILLISECONDS = 100;

/** Asks for a blob, from an offset on. @throws UpstreamError; the signal's reason */
export async function askForBlob(
  { access, name }: Remote,
  digest: Digest,
  signal: AbortSignal,
  from = 0,
): Promise<UpstreamAnswer> {
  const path = `blobs/${digest.toString()}`;
  const answer = await access.ask({ method: 'GET', repository: name, path, signal, from });
  answer.body.on('error', () => undefined); // told to its reader, also where it breaks off before it is read
  return answer;
}

/**
 * How long an answer is: as it says itself, else as a manifest does (`size`), else as a HEAD; undefined where none does.
 * @throws UpstreamError `dishonest` for more than `size` or `most`, those of the HEAD; the signal's reason
 */
export async function lengthOf(
  { upstream, access, name }: Remote,
  digest: Digest,
  answer: UpstreamAnswer,
  { size, most, signal }: { size: number | undefined; most: number; signal: AbortSignal },
): Promise<number | undefined> {
  const path = `blobs/${digest.toString()}`;
  const length =
    answer.length ?? size ?? (await access.ask({ method: 'HEAD', repository: name, path, signal })).length;
  const limit = Math.min(size ?? most, most);
  if (length !== undefined && length > limit) throw tooLong({ upstream }, digest, limit);
  return length;
}

/**
 * The bytes of a blob, exactly `size` of them; a body that breaks off is asked for again from there.
 * @throws UpstreamError `dishonest` for more, `unavailable` where it cannot be had to its end
 */
export async function* upstreamBytes(
  remote: Remote,
  digest: Digest,
  size: number,
  answer: UpstreamAnswer,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  let { body } = answer;
  let taken = 0;
  let resumptions = 0;
  for (;;) {
    try {
      if (resumptions > 0) {
        await delay(PAUSE_MILLISECONDS * resumptions, undefined, { signal, ref: false });
        ({ body } = await askForBlob(remote, digest, signal, taken));
      }
      for await (const chunk of body as AsyncIterable<Buffer>) {
        if (taken + chunk.byteLength > size) throw tooLong(remote, digest, size);
        taken += chunk.byteLength;
        resumptions = 0;
        yield chunk;
      }
      if (taken === size) return;
      throw new UpstreamError(
        'unavailable',
        `${remote.upstream.name} ended ${digest.toString()} ${size - taken} bytes early`,
      );
    } catch (error) {
      if (!isUpstreamError(error, 'unavailable') || resumptions >= MOST_RESUMPTIONS) throw error;
      resumptions += 1;
    }
  }
}

function tooLong({ upstream }: Pick<Remote, 'upstream'>, digest: Digest, most: number): UpstreamError {
  return new UpstreamError(
    'dishonest',
    `${upstream.name} gives more than ${most} bytes for ${digest.toString()}`,
  );
}

export function otherDigest({ upstream }: Pick<Remote, 'upstream'>, digest: Digest): UpstreamError {
  return new UpstreamError(
    'dishonest',
    `what ${upstream.name} gives for ${digest.toString()} has another digest`,
  );
}

/** Those of an answer that does not tell how many there are. @throws UpstreamError `dishonest` for more than `most` */
export async function* unsizedBytes(
  remote: Remote,
  digest: Digest,
  { body }: UpstreamAnswer,
  most: number,
): AsyncGenerator<Buffer, void, void> {
  let taken = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    taken += chunk.byteLength;
    if (taken > most) throw tooLong(remote, digest, most);
    yield chunk;
  }
}

export async function* oneOf(bytes: Buffer): AsyncGenerator<Buffer, void, void> {
  if (bytes.byteLength > 0) yield bytes;
}
