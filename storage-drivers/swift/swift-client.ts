import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { Agent } from 'undici';
import type { Dispatcher } from 'undici';
import type { Clock } from '../../src/ports/clock.js';
import type { Ids } from '../../src/ports/ids.js';
import { StorageError, isStorageError } from '../../src/ports/storage-driver.js';
import { Backoff } from './backoff.js';
import { encodePath } from './object-names.js';
import { trustedCertificates } from './trusted-certificates.js';
import { isPassing, retryAfterOf, swiftFailure } from './swift-failure.js';

/** How often an answer is read whose bytes are not those of its etag. */
const LOOKS = 3;

/** A token and the account that it opens. */
export interface SwiftAccess {
  readonly token: string;
  readonly storageUrl: URL;
}

export interface SwiftTokens {
  /** @throws StorageError UNAVAILABLE */
  access(signal?: AbortSignal): Promise<SwiftAccess>;
  /** Tells that Swift answered a request with this token with 401. */
  refuse(token: string): void;
}

/** Milliseconds. */
export interface SwiftTimes {
  readonly connect: number;
  /** For the head of an answer, and for each pause of a body. */
  readonly request: number;
  /** For repetitions of one request. */
  readonly retry: number;
}

export interface SwiftRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** In the container; the container itself where there is none. */
  readonly object?: string;
  /** Instead of the container: the account, or what the cluster tells of itself. */
  readonly at?: 'account' | 'info';
  /** Without the question mark. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Held, so that it can be sent again. */
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal | undefined;
  /** What may pass is not waited for. */
  readonly once?: boolean | undefined;
}

export interface SwiftAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Dispatcher.ResponseData['body'];
}

export interface SwiftClientParts {
  readonly tokens: SwiftTokens;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly times: SwiftTimes;
  readonly container: string;
  /** PEM, trusted beside the system's certificates. */
  readonly ca?: string | undefined;
}

/**
 * Requests to one container that can be sent again: on a token that ran out, and for `times.retry` on answers and
 * broken connections that may pass.
 */
export class SwiftClient {
  /** For requests that need no token. */
  readonly agent: Agent;
  /** Milliseconds by which Swift's clock is ahead of ours, to the second, as its last answer told. */
  private ahead = 0;

  constructor(readonly parts: SwiftClientParts) {
    const { times, ca } = parts;
    const trusted = trustedCertificates(ca);
    this.agent = new Agent({
      headersTimeout: times.request,
      bodyTimeout: times.request,
      connect: { timeout: times.connect, ...(trusted !== undefined && { ca: trusted }) },
    });
  }

  /**
   * The first answer that is neither a refused token nor a passing failure, whatever else its status.
   * Its body must be read or dumped. @throws StorageError THROTTLED, UNAVAILABLE
   */
  async send(request: SwiftRequest): Promise<SwiftAnswer> {
    const { clock, ids, times } = this.parts;
    const backoff = new Backoff(clock, ids, request.once === true ? 0 : times.retry);
    let renewed = false;
    for (;;) {
      const attempt = await this.attempt(request);
      if (attempt instanceof StorageError) {
        if (!(await backoff.again(request.signal))) throw attempt;
        continue;
      }
      const { answer, token } = attempt;
      if (answer.status === 401 && !renewed) {
        renewed = true;
        await answer.body.dump();
        this.parts.tokens.refuse(token);
        continue;
      }
      if (!isPassing(answer.status)) return answer;
      const retryAfter = retryAfterOf(answer.headers['retry-after']);
      await answer.body.dump();
      if (await backoff.again(request.signal, retryAfter)) continue;
      throw swiftFailure(this.nameOf(request), answer.status, retryAfter);
    }
  }

  /** An answer that has no body of interest. */
  async sendForHead(request: SwiftRequest): Promise<Omit<SwiftAnswer, 'body'>> {
    const { status, headers, body } = await this.send(request);
    await body.dump();
    return { status, headers };
  }

  /**
   * The headers of an object as it is now on any replica; undefined where there is none.
   * @throws StorageError UNAVAILABLE for what is neither there nor gone
   */
  async headNewest(object: string, query?: string): Promise<IncomingHttpHeaders | undefined> {
    const { status, headers } = await this.sendForHead({
      method: 'HEAD',
      object,
      ...(query !== undefined && { query }),
      headers: { 'X-Newest': 'true' },
    });
    if (status === 404) return undefined;
    if (status !== 200) throw swiftFailure(this.nameOf({ method: 'HEAD', object }), status);
    return headers;
  }

  /** An answer with a small body, read whole; a body that breaks off, or is not that of its etag, is asked for again. */
  async sendForText(request: SwiftRequest): Promise<Omit<SwiftAnswer, 'body'> & { text: Buffer }> {
    const { clock, ids, times } = this.parts;
    const backoff = new Backoff(clock, ids, times.retry);
    for (let looks = 1; ; looks++) {
      const { status, headers, body } = await this.send(request);
      let failure: unknown;
      try {
        const text = Buffer.from(await body.arrayBuffer());
        if (request.method !== 'GET' || status !== 200 || isOfEtag(text, headers.etag))
          return { status, headers, text };
        failure = new Error('the bytes are not those of the etag');
        if (looks === LOOKS) throw this.broken(request, failure);
      } catch (error) {
        request.signal?.throwIfAborted();
        if (isStorageError(error)) throw error;
        failure = error;
      }
      if (!(await backoff.again(request.signal))) throw this.broken(request, failure);
    }
  }

  /** As in a message: method and object, no host, no query. */
  nameOf({ method, object, at }: Pick<SwiftRequest, 'method' | 'object' | 'at'>): string {
    return `${method} ${at ?? `${this.parts.container}${object === undefined ? '' : `/${object}`}`}`;
  }

  /** The path of a request below the origin. */
  pathOf(storageUrl: URL, { object, query, at }: Pick<SwiftRequest, 'object' | 'query' | 'at'>): string {
    if (at === 'info') return '/info';
    const account = storageUrl.pathname.replace(/\/$/, '');
    const container = at === 'account' ? '' : `/${encodePath(this.parts.container)}`;
    const path = `${account}${container}${object === undefined ? '' : `/${encodePath(object)}`}`;
    return query === undefined ? path : `${path}?${query}`;
  }

  /** What a request came to that got no answer. */
  broken(request: Pick<SwiftRequest, 'method' | 'object' | 'at'>, cause: unknown): StorageError {
    const reason = cause instanceof Error ? reasonOf(cause) : String(cause);
    return new StorageError('UNAVAILABLE', `Swift did not answer ${this.nameOf(request)}: ${reason}`, {
      cause,
    });
  }

  /** A time of Swift's as our clock showed it. */
  ourTime(swifts: Date): Date {
    return new Date(swifts.getTime() - this.ahead);
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private async attempt(
    request: SwiftRequest,
  ): Promise<{ answer: SwiftAnswer; token: string } | StorageError> {
    const { token, storageUrl } = await this.parts.tokens.access(request.signal);
    try {
      const { statusCode, headers, body } = await this.agent.request({
        origin: storageUrl.origin,
        path: this.pathOf(storageUrl, request),
        method: request.method,
        headers: { ...request.headers, 'X-Auth-Token': token },
        body: request.body ?? null,
        signal: request.signal,
        // undici gives a connection up after a HEAD unless told otherwise; Swift sends no body there.
        reset: false,
      });
      this.compareClocks(headers.date?.toString());
      return { answer: { status: statusCode, headers, body }, token };
    } catch (error) {
      request.signal?.throwIfAborted();
      return this.broken(request, error);
    }
  }

  private compareClocks(date: string | undefined): void {
    const theirs = Date.parse(date ?? '');
    if (!Number.isNaN(theirs)) this.ahead = theirs - this.parts.clock.now();
  }
}

/** Swift's etags of plain objects and of manifests are the MD5 of what it sends; others are quoted, or no MD5. */
function isOfEtag(text: Buffer, etag: string | readonly string[] | undefined): boolean {
  if (typeof etag !== 'string' || !/^[0-9a-f]{32}$/.test(etag)) return true;
  return createHash('md5').update(text).digest('hex') === etag;
}

/** Gives an answer's body up, and its connection with it. */
export function discard(body: Readable): void {
  body.on('error', () => undefined);
  body.destroy();
}

function reasonOf(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
  return `${error.message}${code}`;
}
