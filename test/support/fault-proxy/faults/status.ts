import { STATUS_CODES } from 'node:http';
import type { Answer } from '../answer.js';
import type { Fault } from '../fault.js';
import { momentName, reach, type Moment } from './moment.js';

export interface StatusOptions extends Moment {
  /** Seconds, or an HTTP date. */
  readonly retryAfter?: number | string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** An answer that the real server did not give. A 401 carries a challenge, as Swift's does. */
export function status(code: number, options: StatusOptions = {}): Fault {
  return {
    name: `status ${code}${momentName(options)}`,
    async happen(exchange) {
      await reach(exchange, options);
      exchange.answer(refusal(code, options));
    },
  };
}

export function refusal(code: number, { retryAfter, headers = {}, body }: StatusOptions = {}): Answer {
  const reason = STATUS_CODES[code] ?? 'Fault';
  const all: Record<string, string> = {
    'Content-Type': 'text/html; charset=UTF-8',
    ...(code === 401 ? { 'Www-Authenticate': 'Swift realm="fault"' } : {}),
    ...(retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }),
    ...headers,
  };
  return {
    status: code,
    reason,
    headers: Object.entries(all).flat(),
    body: Buffer.from(body ?? `<html><h1>${reason}</h1></html>`),
  };
}
