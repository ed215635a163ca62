import type { IncomingMessage } from 'node:http';
import { parseTarget, type RequestTarget } from './request-target.js';
import type { Injection } from './rule.js';

/** Which requests are meant; what is left out does not matter. */
export interface RequestPattern {
  readonly method?: string;
  /** Tried on the decoded path, without the query. */
  readonly path?: RegExp;
  /** Tried on the query as it came, without the question mark and with its signature taken out. */
  readonly query?: RegExp;
}

/** One request as the client sent it, and how it fared. Tokens, keys and signatures are not in it. */
export interface RecordedRequest {
  /** Counts arrivals, from 1 since the last reset. */
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** By lower-case name, only those that a test may ask for. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the client was answered; undefined while, and if, it was not. */
  status: number | undefined;
  /** Bytes of the request's body taken from the client. */
  bytesUp: number;
  /** Bytes of the answer's body given to the client. */
  bytesDown: number;
  /** The injection that took the request. */
  injected: Injection | undefined;
}

const KEPT_HEADERS =
  /^(accept|connection|content-encoding|content-length|content-type|destination|etag|expect|if-.*|range|transfer-encoding|user-agent|x-copy-from|x-delete-.*|x-if-delete-at|x-newest|x-object-manifest|x-object-meta-.*|x-remove-delete-at)$/;

/** Every request that reached the proxy, in the order of arrival. */
export class RequestLog {
  private entries: RecordedRequest[] = [];

  get requests(): readonly RecordedRequest[] {
    return this.entries;
  }

  add(incoming: IncomingMessage): { target: RequestTarget; record: RecordedRequest } {
    const target = parseTarget(incoming.url ?? '');
    const record: RecordedRequest = {
      at: this.entries.length + 1,
      method: incoming.method ?? '',
      path: target.path,
      query: target.query.replace(/(temp_url_sig=)[^&]*/g, '$1'),
      headers: Object.fromEntries(
        Object.entries(incoming.headers)
          .filter(([name]) => KEPT_HEADERS.test(name))
          .map(([name, value]) => [name, String(value)]),
      ),
      status: undefined,
      bytesUp: 0,
      bytesDown: 0,
      injected: undefined,
    };
    this.entries.push(record);
    return { target, record };
  }

  count(pattern: RequestPattern): number {
    return this.entries.filter((request) => isMatch(request, pattern)).length;
  }

  reset(): void {
    this.entries = [];
  }
}

export function isMatch(request: RecordedRequest, { method, path, query }: RequestPattern): boolean {
  return (
    (method === undefined || request.method === method) &&
    (path === undefined || request.path.search(path) >= 0) &&
    (query === undefined || request.query.search(query) >= 0)
  );
}
