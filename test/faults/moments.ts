import type { Fault } from '../support/fault-proxy/fault.js';
import { corrupt, cut, expiredToken, reset, status, timeout } from '../support/fault-proxy/faults.js';
import type { RecordedRequest } from '../support/fault-proxy/request-log.js';

/** A way in which one request to Swift goes wrong. */
export interface Moment {
  readonly name: string;
  /** Whether it can happen to such a request, as it went when nothing was wrong. */
  applies(request: RecordedRequest): boolean;
  /** For such a request; one object an injection. */
  fault(request: RecordedRequest): Fault;
  /** It strikes once Swift has asked for the body: what was sent of a body that is not held is lost. */
  readonly afterAsking?: boolean;
  /** Swift has no checksum of a body that is read in ranges: the client's own digest finds it out. */
  readonly unseen?: boolean;
}

const always = (): boolean => true;
const half = (bytes: number): number => Math.ceil(bytes / 2);
const hasBody = ({ bytesUp }: RecordedRequest): boolean => bytesUp > 0;
const isAnswered = ({ bytesDown, status: code }: RecordedRequest): boolean =>
  bytesDown > 0 && (code === 200 || code === 206);

/** Listings and bulk deletes carry no checksum at all; TLS is what protects them. */
const isChecked = (request: RecordedRequest): boolean =>
  request.method === 'GET' && isAnswered(request) && !hasNoChecksum(request);
const hasNoChecksum = ({ path, query }: RecordedRequest): boolean =>
  /^\/(info|auth\/)/.test(path) || /(^|&)(format=json|bulk-delete)/.test(query);

function answers(code: number, more: Parameters<typeof status>[1] = {}): Omit<Moment, 'name'> {
  return { applies: always, fault: () => status(code, more) };
}

/** A bit of the body that arrives at Swift is another. */
function corruptBody(offset: number): Fault {
  return {
    name: `corrupt byte ${offset} of the request`,
    happen: (exchange) =>
      exchange.forward({
        async *up(chunks) {
          let begin = 0;
          for await (const chunk of chunks) {
            const at = offset - begin;
            begin += chunk.length;
            const changed = Buffer.from(chunk);
            if (at >= 0 && at < chunk.length) changed[at] = (changed[at] ?? 0) ^ 1;
            yield changed;
          }
        },
      }),
  };
}

/** What happens to one request, each request of an operation in turn. */
export const MOMENTS: readonly Moment[] = [
  {
    name: 'token expired',
    applies: ({ path }) => path.startsWith('/v1/'),
    fault: () => expiredToken(),
  },
  { name: '429', ...answers(429) },
  { name: '429, Retry-After: 1', ...answers(429, { retryAfter: 1 }) },
  { name: '498', ...answers(498) },
  { name: '503', ...answers(503) },
  { name: '504', ...answers(504) },
  {
    name: '503 after the body',
    applies: hasBody,
    fault: () => status(503, { afterBody: true }),
    afterAsking: true,
  },
  {
    name: '503 after the fact',
    applies: always,
    fault: () => status(503, { afterTheFact: true }),
    afterAsking: true,
  },
  { name: 'no answer', applies: always, fault: () => timeout(), afterAsking: true },
  {
    name: 'no answer after the fact',
    applies: always,
    fault: () => timeout({ afterTheFact: true }),
    afterAsking: true,
  },
  { name: 'reset', applies: always, fault: () => reset() },
  {
    name: 'reset after the fact',
    applies: always,
    fault: () => reset({ afterTheFact: true }),
    afterAsking: true,
  },
  {
    name: 'reset amid the body',
    applies: hasBody,
    fault: ({ bytesUp }) => reset({ requestBytes: half(bytesUp) }),
    afterAsking: true,
  },
  {
    name: 'cut amid the body',
    applies: hasBody,
    fault: ({ bytesUp }) => cut({ requestBytes: half(bytesUp) }),
    afterAsking: true,
  },
  {
    name: 'byte changed in the body',
    applies: (request) => hasBody(request) && !hasNoChecksum(request),
    fault: ({ bytesUp }) => corruptBody(half(bytesUp) - 1),
    afterAsking: true,
  },
  {
    name: 'answer reset midway',
    applies: isAnswered,
    fault: ({ bytesDown }) => reset({ responseBytes: half(bytesDown) - 1 }),
  },
  {
    name: 'answer cut midway',
    applies: isAnswered,
    fault: ({ bytesDown }) => cut({ responseBytes: half(bytesDown) - 1 }),
  },
  {
    name: 'byte changed in the answer',
    applies: isChecked,
    fault: ({ bytesDown }) => corrupt({ offset: half(bytesDown) - 1 }),
    unseen: true,
  },
];

/** What goes wrong with every request until it is mended. */
export const OUTAGES: readonly Moment[] = [
  { name: '503', ...answers(503) },
  { name: '504', ...answers(504) },
  { name: '429, Retry-After: 1', ...answers(429, { retryAfter: 1 }) },
  { name: '498', ...answers(498) },
  { name: '401', ...answers(401) },
  { name: 'no answer', applies: always, fault: () => timeout() },
  { name: 'reset', applies: always, fault: () => reset() },
  { name: '503 after the fact', applies: always, fault: () => status(503, { afterTheFact: true }) },
];
