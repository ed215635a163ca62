import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../support/fault-proxy/fault.js';
import type { RecordedRequest } from '../support/fault-proxy/request-log.js';
import type { Lane } from './lane.js';
import { MOMENTS, OUTAGES, type Moment } from './moments.js';
import type { Attempt, Operation } from './operations/operation.js';
import { NotNow } from './patient-client.js';

/** How long a client waits before it asks again. */
const RETRY_MS = 1000;
/** How long an outage may keep a client waiting beyond the driver's own deadlines. */
const SLACK_MS = 8000;

/** One operation, and what goes wrong at one of its requests, or from it on. */
export interface Case {
  readonly operation: Operation;
  readonly moment: Moment;
  /** The requests of the operation when nothing is wrong. */
  readonly requests: readonly RecordedRequest[];
  /** From 1. */
  readonly at: number;
  readonly isOutage: boolean;
}

export interface Outcome {
  readonly of: Case;
  /** How often the client had to ask again. */
  readonly retries: number;
  readonly failure?: string;
}

/** The requests that an operation makes of Swift. */
export async function cleanRun(lane: Lane, operation: Operation): Promise<readonly RecordedRequest[]> {
  const attempt = await operation.prepare(lane);
  try {
    lane.proxy.reset();
    await attempt.perform();
    await lane.quiet();
    const requests = lane.proxy.requests.map((request) => ({ ...request }));
    await attempt.check();
    return requests;
  } finally {
    await attempt.close?.();
  }
}

/** Every fault at every request. */
export function casesOf(operation: Operation, requests: readonly RecordedRequest[]): readonly Case[] {
  return MOMENTS.flatMap((moment) =>
    requests.flatMap((request, i) =>
      moment.applies(request) ? [{ operation, moment, requests, at: i + 1, isOutage: false }] : [],
    ),
  );
}

/** Every outage, from the first request on and from the last one. */
export function outagesOf(operation: Operation, requests: readonly RecordedRequest[]): readonly Case[] {
  const moments = [...new Set([1, requests.length])];
  return OUTAGES.flatMap((moment) =>
    moments.map((at) => ({ operation, moment, requests, at, isOutage: true })),
  );
}

export function titleOf({ operation, moment, requests, at, isOutage }: Case): string {
  const { method = '', path = '' } = requests[at - 1] ?? {};
  const place = `${isOutage ? 'from ' : ''}request ${at} of ${requests.length} (${method} ${path.replace(/^(\/v1\/[^/]+\/[^/]+\/)[^/]+\//, '')})`;
  return `${operation.name}: ${moment.name} at ${place}`;
}

export async function run(lane: Lane, of: Case): Promise<Outcome> {
  let attempt: Attempt | undefined;
  let step = 'prepare';
  try {
    attempt = await of.operation.prepare(lane);
    step = 'perform';
    const retries = await (of.isOutage ? runOutage(lane, of, attempt) : runOnce(lane, of, attempt));
    step = 'check';
    await attempt.check();
    return { of, retries };
  } catch (error) {
    const told = error instanceof Error ? error.message : String(error);
    return { of, retries: 0, failure: `${step}: ${told}` };
  } finally {
    await lane.proxy.heal();
    await attempt?.close?.();
  }
}

/** The fault passes with the request that it happened to. */
async function runOnce(lane: Lane, { moment, requests, at }: Case, attempt: Attempt): Promise<number> {
  const request = requests[at - 1];
  if (request === undefined) throw new Error(`there is no request ${at}`);
  lane.proxy.reset();
  const fault = moment.fault(request);
  // A fault that cannot happen to a login does not count logins.
  const nth =
    fault.applies === undefined ? at : requests.slice(0, at).filter((each) => moment.applies(each)).length;
  const injection = lane.proxy.inject({ match: { nth }, fault });
  let retries = 0;
  for (;;) {
    try {
      await attempt.perform();
      break;
    } catch (error) {
      if (!(error instanceof NotNow)) throw error;
      retries += 1;
      const allowed = retriesOf(
        moment,
        lane.proxy.requests.find(({ injected }) => injected === injection),
      );
      if (retries > allowed)
        throw new Error(`retry ${retries} of ${allowed}: ${error.message}`, { cause: error });
      await delay(RETRY_MS);
    }
  }
  await lane.quiet();
  if (injection.hits === 0) throw new Error('the request was never made');
  return retries;
}

/** What a client may be asked to repeat: bodies that are not held, and bytes that only its own digest checks. */
function retriesOf(moment: Moment, hit: RecordedRequest | undefined): number {
  if (hit === undefined) return 0;
  const isStreamed = hit.headers['expect'] !== undefined;
  // A server that starts repeats its login by itself; this one was never told to wait for the store.
  const isLogin = hit.path.startsWith('/auth/');
  // Segments that are read again to be hashed are checked at their end only, when their bytes are used already.
  const isRead =
    hit.headers['range'] !== undefined || (hit.method === 'GET' && hit.path.includes('/segments/'));
  const isUnchecked = moment.unseen === true && isRead;
  return (isStreamed && moment.afterAsking === true) || isUnchecked || isLogin ? 1 : 0;
}

/** Nothing works until it is mended: then the same client goes on. */
async function runOutage(lane: Lane, { moment, requests, at }: Case, attempt: Attempt): Promise<number> {
  const request = requests[at - 1];
  if (request === undefined) throw new Error(`there is no request ${at}`);
  lane.proxy.reset();
  const { fault, began } = from(at, moment.fault(request));
  lane.proxy.inject({ fault });
  const { connect, request: head, retry } = lane.times;
  try {
    await attempt.perform();
    // Acknowledged: the check tells whether rightly.
    return 0;
  } catch (error) {
    if (!(error instanceof NotNow)) throw error;
    const took = performance.now() - began();
    if (took > connect + head + retry + SLACK_MS)
      throw new Error(`refused only after ${Math.round(took)} ms`, { cause: error });
  }
  await lane.proxy.heal();
  return retried(attempt);
}

/** The client asks every second, at the latest until it was told to come again. */
async function retried(attempt: Attempt): Promise<number> {
  let end = performance.now() + RETRY_MS;
  for (let retries = 1; ; retries++) {
    await delay(RETRY_MS);
    try {
      await attempt.perform();
      return retries;
    } catch (error) {
      if (!(error instanceof NotNow)) throw error;
      if (retries === 1) end += error.retryAfter * 1000;
      if (performance.now() > end) throw error;
    }
  }
}

/** The fault happens to the nth request and to all that follow. */
function from(nth: number, fault: Fault): { readonly fault: Fault; readonly began: () => number } {
  let seen = 0;
  let first = Infinity;
  const applies = (): boolean => {
    seen += 1;
    if (seen === nth) first = performance.now();
    return seen >= nth;
  };
  return { fault: { ...fault, applies }, began: () => first };
}
