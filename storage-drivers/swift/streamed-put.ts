import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Clock } from '../../src/ports/clock.js';
import { Backoff } from './backoff.js';
import type { SwiftClient, SwiftRequest } from './swift-client.js';
import { isPassing, retryAfterOf, swiftFailure } from './swift-failure.js';
import { trustedCertificates } from './trusted-certificates.js';

/** Whoever answers no `Expect` at all is sent the body after this. */
const CONTINUE_MS = 10_000;

export interface PutAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

/** Bytes that are sent at once: Swift and this process wake up less often than for each chunk of a client. */
const BURST_BYTES = 512 * 1024;
/** Milliseconds after which a burst is sent however short it is: Swift gives up on who is silent for 60 s. */
const BURST_AGE = 5000;

/** A PUT whose body was asked for. What is written to it cannot be sent again. */
export class OpenPut {
  private answer: PutAnswer | undefined;
  private failure: Error | undefined;
  private wake: () => void = () => undefined;
  /** Bytes of the burst that is being collected, and when it began. */
  private held = 0;
  private since = 0;

  constructor(
    private readonly req: ClientRequest,
    /** Milliseconds that the server may take for each step. */
    private readonly patience: number,
    private readonly clock: Clock,
    private readonly broken: (cause: unknown) => Error,
  ) {
    req.on('response', (res) => {
      this.answer = { status: res.statusCode ?? 0, headers: res.headers };
      res.resume();
      this.wake();
    });
    req.on('error', (error) => this.fail(error));
    req.on('close', () => this.fail(new Error('the connection was closed')));
    req.on('drain', () => this.wake());
  }

  /** Resolves when more may be written; once the server answered, what is written is lost. */
  async write(chunk: Uint8Array): Promise<void> {
    if (this.answer !== undefined) return;
    if (this.failure !== undefined) throw this.failure;
    if (chunk.byteLength === 0) return;
    if (this.held === 0) this.collect();
    this.req.write(chunk);
    this.held += chunk.byteLength;
    if (this.held < BURST_BYTES && this.clock.now() - this.since < BURST_AGE) return;
    this.send();
    await this.until(() => !this.req.writableNeedDrain);
  }

  /** The answer to the whole body. */
  async end(): Promise<PutAnswer> {
    this.send();
    if (this.answer === undefined) this.req.end();
    await this.until(() => false);
    if (this.answer === undefined) throw this.failure ?? this.broken('no answer');
    if (!this.req.writableEnded) this.req.destroy();
    return this.answer;
  }

  /** Swift stores nothing of a body that breaks off. */
  abandon(): void {
    this.req.destroy();
  }

  /** The socket is corked, not the request: what a corked request held back may never drain (Node 22). */
  private collect(): void {
    this.since = this.clock.now();
    this.req.socket?.cork();
  }

  private send(): void {
    if (this.held === 0) return;
    this.held = 0;
    this.req.socket?.uncork();
  }

  private fail(error: Error): void {
    if (this.answer === undefined) this.failure ??= this.broken(error);
    this.wake();
  }

  private async until(isDone: () => boolean): Promise<void> {
    const timer = setTimeout(() => {
      this.fail(new Error(`nothing happened for ${this.patience} ms`));
      this.req.destroy();
    }, this.patience);
    try {
      while (this.answer === undefined && this.failure === undefined && !isDone())
        await new Promise<void>((resolve) => (this.wake = resolve));
    } finally {
      clearTimeout(timer);
    }
    if (this.answer === undefined && this.failure !== undefined) throw this.failure;
  }
}

export interface StreamedPut extends Pick<SwiftRequest, 'object' | 'headers' | 'signal'> {
  /** Bytes, where it is known. */
  readonly length?: number;
}

/**
 * Begins PUTs of bodies that are not held, with `Expect: 100-continue`: whatever fails before Swift asks for the body
 * has cost nothing and is tried again. (undici cannot do that on HTTP/1.1.)
 */
export class StreamedPuts {
  private readonly http = new HttpAgent({ keepAlive: true });
  private readonly https: HttpsAgent;

  constructor(private readonly client: SwiftClient) {
    const ca = trustedCertificates(client.parts.ca);
    this.https = new HttpsAgent({ keepAlive: true, ...(ca !== undefined && { ca }) });
  }

  /** Undefined where `If-None-Match` did not hold. @throws StorageError THROTTLED, UNAVAILABLE */
  async open(put: StreamedPut): Promise<OpenPut | undefined> {
    const { clock, ids, times, tokens } = this.client.parts;
    const backoff = new Backoff(clock, ids, times.retry);
    const what = this.client.nameOf({ method: 'PUT', ...put });
    let renewed = false;
    for (;;) {
      const { token, storageUrl } = await tokens.access(put.signal);
      const begun = await this.begin(storageUrl, token, put);
      if (begun instanceof OpenPut) return begun;
      if (begun.status === 412) return undefined;
      if (begun.status === 401 && !renewed) {
        renewed = true;
        tokens.refuse(token);
        continue;
      }
      const retryAfter = retryAfterOf(begun.headers?.['retry-after']);
      const passes = begun.status === undefined || isPassing(begun.status);
      if (passes && (await backoff.again(put.signal, retryAfter))) continue;
      throw begun.status === undefined ? begun.error : swiftFailure(what, begun.status, retryAfter);
    }
  }

  close(): void {
    this.http.destroy();
    this.https.destroy();
  }

  private begin(storageUrl: URL, token: string, put: StreamedPut): Promise<OpenPut | Refusal> {
    const { clock, times } = this.client.parts;
    const secure = storageUrl.protocol === 'https:';
    const req = (secure ? httpsRequest : httpRequest)({
      agent: secure ? this.https : this.http,
      host: storageUrl.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: storageUrl.port,
      path: this.client.pathOf(storageUrl, put),
      method: 'PUT',
      headers: {
        ...put.headers,
        'X-Auth-Token': token,
        'Content-Type': 'application/octet-stream',
        Expect: '100-continue',
        ...(put.length === undefined ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': put.length }),
      },
      ...(put.signal !== undefined && { signal: put.signal }),
    });
    const broken = (cause: unknown): Error => this.client.broken({ method: 'PUT', ...put }, cause);
    return new Promise((resolve) => {
      const settle = (outcome: OpenPut | Refusal): void => {
        clearTimeout(timer);
        clearTimeout(connecting);
        req.removeListener('response', onResponse);
        resolve(outcome);
      };
      const opened = (): void => settle(new OpenPut(req, times.request, clock, broken));
      const onResponse = (res: IncomingMessage): void => {
        res.resume();
        // The body was never sent: the connection cannot be used again.
        req.destroy();
        settle({ status: res.statusCode ?? 0, headers: res.headers });
      };
      const connecting = setTimeout(() => {
        if (req.socket?.connecting !== false) req.destroy(new Error('the connection was not made in time'));
      }, times.connect);
      const timer = setTimeout(opened, times.connect + Math.min(CONTINUE_MS, times.request));
      req.once('continue', opened);
      req.once('response', onResponse);
      req.once('error', (error) => settle({ error: broken(error) }));
      req.flushHeaders();
    });
  }
}

type Refusal =
  | { readonly status: number; readonly headers: IncomingHttpHeaders }
  | { readonly status?: undefined; readonly headers?: undefined; readonly error: Error };
