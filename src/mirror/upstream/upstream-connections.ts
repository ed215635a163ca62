import type { IncomingHttpHeaders } from 'node:http';
import type { LookupFunction } from 'node:net';
import type { Readable } from 'node:stream';
import { Agent } from 'undici';
import type { Logger } from '../../ports/logger.js';
import { AddressGuard } from './address-guard.js';
import { ConnectionSlots } from './connection-slots.js';
import { Deadline } from './deadline.js';
import { breakOf, codeOf } from './upstream-failures.js';
import { upstreamConnector } from './upstream-connector.js';
import type { Upstream } from './upstream.js';
import { UpstreamError } from './upstream-error.js';
import type { UpstreamErrorScope } from './upstream-error.js';
import type { UpstreamLimits } from './upstream-limits.js';

const USER_AGENT = 'stackyard/mirror';
const BROKEN = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/** One request to one host. */
export interface Hop {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly origin: string;
  /** As it is sent, with its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Names upstream, host and question. */
  readonly what: string;
  /** Of whom it tells something where there is no answer; without it of the upstream. */
  readonly about?: UpstreamErrorScope;
  readonly signal?: AbortSignal | undefined;
}

/** The body must be read to its end or destroyed, and then `release` be called. */
export interface HopAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
  readonly release: () => void;
}

export interface ConnectionParts {
  /** Told of each answer at level debug. */
  readonly log?: Logger;
  /** Instead of the system's names. */
  readonly resolve?: LookupFunction;
}

/** The connections made for one upstream: guarded, kept alive, bounded in number and time. */
export class UpstreamConnections {
  private readonly agent: Agent;
  private readonly slots: ConnectionSlots;

  constructor(
    private readonly upstream: Upstream,
    private readonly limits: UpstreamLimits,
    private readonly parts: ConnectionParts = {},
  ) {
    const { connectTimeout, answerTimeout, idleTimeout, maxConnections } = limits;
    this.slots = new ConnectionSlots(maxConnections);
    this.agent = new Agent({
      connect: upstreamConnector(upstream, new AddressGuard(upstream, parts.resolve), connectTimeout),
      connections: maxConnections,
      headersTimeout: answerTimeout,
      bodyTimeout: idleTimeout,
    });
  }

  /** Whatever is answered; redirects are not followed. @throws UpstreamError; the signal's reason */
  async send(hop: Hop): Promise<HopAnswer> {
    const release = await this.slots.take(this.limits.answerTimeout, hop.signal);
    if (release === undefined) {
      throw new UpstreamError(
        'unavailable',
        `${hop.what} found each of the ${this.slots.size} connections of the upstream in use`,
        { about: 'nothing' },
      );
    }
    try {
      const answer = await this.exchange(hop);
      const { name } = this.upstream;
      this.parts.log?.debug(
        { upstream: name, asked: hop.what, status: answer.status },
        'an upstream answered',
      );
      return { ...answer, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private async exchange(hop: Hop): Promise<Omit<HopAnswer, 'release'>> {
    try {
      return await this.attempt(hop).catch(async (error: unknown) => {
        if (!wasKeptAlive(error)) throw error;
        return this.attempt(hop);
      });
    } catch (error) {
      hop.signal?.throwIfAborted();
      // What cannot be sent is no word of the upstream's.
      throw breakOf(hop.what, error, codeOf(error) === 'UND_ERR_INVALID_ARG' ? 'nothing' : hop.about);
    }
  }

  private async attempt(hop: Hop): Promise<Omit<HopAnswer, 'release'>> {
    hop.signal?.throwIfAborted();
    const { connectTimeout, answerTimeout } = this.limits;
    // undici's own times begin anew with each byte, and with each interim answer.
    const { about } = hop;
    const late = new UpstreamError('unavailable', `${hop.what} failed: no answer in time`, { about });
    const deadline = new Deadline(connectTimeout + answerTimeout, late, hop.signal);
    try {
      const { statusCode, headers, body } = await this.agent.request({
        origin: hop.origin,
        path: hop.path,
        method: hop.method,
        headers: { 'user-agent': USER_AGENT, 'accept-encoding': 'identity', ...hop.headers },
        body: hop.body ?? null,
        signal: deadline.signal,
        // undici gives a connection up after a HEAD unless told otherwise.
        reset: false,
      });
      return { status: statusCode, headers, body };
    } finally {
      deadline.end();
    }
  }
}

/** Whether the server closed a connection that had served before, as it may at any time: the request can go again. */
function wasKeptAlive(error: unknown): boolean {
  if (!BROKEN.has(codeOf(error))) return false;
  const socket = error instanceof Error && 'socket' in error ? error.socket : undefined;
  if (typeof socket !== 'object' || socket === null || !('bytesRead' in socket)) return true;
  return socket.bytesRead !== 0;
}
