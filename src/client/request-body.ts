import { once } from 'node:events';
import type { ClientRequest } from 'node:http';

/** A body that is sent as it comes. */
export interface RequestBody {
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * Sends the body as fast as the server takes it, once it says so or `patience` milliseconds have passed (RFC 9110
 * §10.1.1). Ends early where the server has answered or is gone.
 * @throws what the body throws
 */
export async function sendRequestBody(
  request: ClientRequest,
  { chunks }: RequestBody,
  patience: number,
): Promise<void> {
  const over = new AbortController();
  const end = (): void => over.abort();
  request.once('response', end).once('close', end);
  await proceeding(request, over.signal, patience);
  if (!over.signal.aborted) {
    for await (const chunk of chunks) {
      if (over.signal.aborted || request.destroyed) break;
      if (!request.write(chunk)) await drained(request, over.signal);
    }
  }
  if (!over.signal.aborted) request.end();
}

async function proceeding(request: ClientRequest, over: AbortSignal, patience: number): Promise<void> {
  if (request.getHeader('Expect') === undefined) return;
  await told(request, 'continue', AbortSignal.any([over, AbortSignal.timeout(patience)]));
}

function drained(request: ClientRequest, over: AbortSignal): Promise<void> {
  return told(request, 'drain', over);
}

/** Until the event or the end; whoever awaits the answer is told what the request fails with. */
async function told(request: ClientRequest, event: string, end: AbortSignal): Promise<void> {
  await once(request, event, { signal: end }).catch(() => undefined);
}
