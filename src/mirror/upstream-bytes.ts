import type { Digest } from '../domain/digest.js';
import type { Remote } from './remote.js';
import type { UpstreamAnswer } from './upstream-access.js';
import { UpstreamError, isUpstreamError } from './upstream-error.js';

/** How often in succession a body that breaks off is asked for again without a byte more. */
const MOST_RESUMPTIONS = 3;

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
    ({ body } = await askForBlob(remote, digest, signal, taken));
  }
}

export function tooLong({ upstream }: Remote, digest: Digest, most: number): UpstreamError {
  return new UpstreamError(
    'dishonest',
    `${upstream.name} gives more than ${most} bytes for ${digest.toString()}`,
  );
}
