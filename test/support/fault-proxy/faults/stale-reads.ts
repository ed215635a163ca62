import { parseRange } from '../../../../src/domain/byte-range.js';
import { withBody, type Answer } from '../answer.js';
import type { Exchange } from '../exchange.js';
import type { Fault } from '../fault.js';
import { writtenObjects } from '../object-writes.js';
import { headerOf, withHeader } from '../raw-headers.js';
import { refusal } from './status.js';

export interface StaleOptions {
  /** Also reads with X-Newest, which a cluster that can reach its newest replica answers rightly. */
  readonly newestToo?: boolean;
}

interface State {
  readonly answer: Answer;
  /** False for a body too large to be held: then only HEAD is stale. */
  readonly whole: boolean;
}

const MOST_BYTES = 4 * 1024 * 1024;

/**
 * GET and HEAD of an object answer what they did before the last write or delete that came through the proxy while
 * the rule was in force: absent after a first PUT, present after a DELETE, the former bytes after an overwrite.
 */
export function staleReads({ newestToo = false }: StaleOptions = {}): Fault {
  const states = new Map<string, State>();
  return {
    name: 'stale read',
    applies(exchange) {
      const { method, target } = exchange;
      const state = states.get(target.path);
      if (state === undefined || target.parameters.has('multipart-manifest')) return false;
      if (!newestToo && exchange.header('X-Newest')?.toLowerCase() === 'true') return false;
      return method === 'HEAD' || (method === 'GET' && state.whole);
    },
    async observe(exchange) {
      for (const { path, raw } of await writtenObjects(exchange)) {
        const state = await stateOf(exchange, raw);
        if (state !== undefined) states.set(path, state);
      }
    },
    async happen(exchange) {
      const { answer = refusal(404) } = states.get(exchange.target.path) ?? {};
      exchange.answer(ranged(answer, exchange.header('Range')));
    },
  };
}

/** Undefined where this client may not or cannot know. */
async function stateOf(exchange: Exchange, object: string): Promise<State | undefined> {
  const head = await exchange.ask('HEAD', object);
  if (head.status !== 200 && head.status !== 404) return undefined;
  if (head.status === 404) return { answer: head, whole: true };
  if (Number(headerOf(head.headers, 'Content-Length')) > MOST_BYTES) return { answer: head, whole: false };
  return { answer: await exchange.ask('GET', object), whole: true };
}

function ranged(answer: Answer, header: string | undefined): Answer {
  const size = answer.body.length;
  const range = answer.status === 200 ? parseRange(header, size) : 'whole';
  if (range === 'whole') return answer;
  if (range === 'unsatisfiable') return refusal(416, { headers: { 'Content-Range': `bytes */${size}` } });
  const { start, end } = range;
  const headers = withHeader(answer.headers, 'Content-Range', `bytes ${start}-${end}/${size}`);
  const part = { status: 206, reason: 'Partial Content', headers };
  return withBody(part, answer.body.subarray(start, end + 1));
}
