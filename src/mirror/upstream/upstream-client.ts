import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { headerOf, linesOf } from './answer-headers.js';
import { parseChallenges } from './challenges.js';
import { Deadline } from './deadline.js';
import { TokenRequests } from './token-requests.js';
import { UpstreamBody } from './upstream-body.js';
import { UpstreamConnections } from './upstream-connections.js';
import type { ConnectionParts } from './upstream-connections.js';
import { failureOf } from './upstream-failures.js';
import { UpstreamHealth } from './upstream-health.js';
import type { HealthParts, Passage } from './upstream-health.js';
import { UPSTREAM_LIMITS } from './upstream-limits.js';
import type { UpstreamLimits } from './upstream-limits.js';
import { UpstreamLogins } from './upstream-logins.js';
import { UpstreamRequests } from './upstream-requests.js';
import type { Reply } from './upstream-requests.js';
import { UpstreamTokens } from './upstream-tokens.js';
import type { UpstreamAccess, UpstreamAnswer, UpstreamRequest, UpstreamState } from './upstream-access.js';
import type { Upstream } from './upstream.js';
import { UpstreamError, isUpstreamError } from './upstream-error.js';

/** Times `answerTimeout` that a question may take until its answer begins. */
const ANSWERS_IN_ALL = 3;

/** Telemetry hears of failures, states and bytes; the log of each answer, at level debug. */
export type UpstreamClientParts = HealthParts & ConnectionParts;

/** Asks an upstream over HTTP/1.1 (distribution-spec end-2, end-3), on connections of its own. */
export class UpstreamClient implements UpstreamAccess {
  private readonly health: UpstreamHealth;
  private readonly connections: UpstreamConnections;
  private readonly logins: UpstreamLogins;
  private readonly requests: UpstreamRequests;

  /** @throws Error where the TLS options cannot be used */
  constructor(
    private readonly upstream: Upstream,
    private readonly parts: UpstreamClientParts,
    private readonly limits: UpstreamLimits = UPSTREAM_LIMITS,
  ) {
    const { clock } = parts;
    this.health = new UpstreamHealth(upstream.name, parts, limits.circuit);
    this.connections = new UpstreamConnections(upstream, limits, parts);
    const times = { now: () => clock.now(), timeout: limits.answerTimeout };
    const tokens = new UpstreamTokens(new TokenRequests(upstream, this.connections, times), clock);
    this.logins = new UpstreamLogins(upstream, tokens);
    this.requests = new UpstreamRequests(upstream, this.connections, limits.answerTimeout);
  }

  async ask(request: UpstreamRequest): Promise<UpstreamAnswer> {
    request.signal?.throwIfAborted();
    const passage = this.health.enter(request.repository);
    const deadline = this.deadline(request);
    try {
      const reply = await this.reply({ ...request, signal: deadline.signal });
      const { answer, what, isOwn } = reply;
      const { status, headers } = answer;
      if (status === (isPart(request) ? 206 : 200)) return await this.answer(request, reply, passage);
      const words = await this.requests.words(reply, deadline.signal);
      // Whoever says that a question is wrong is well.
      if (status < 500 && status !== 429) passage.whole();
      if (status === 200) throw new UpstreamError('unavailable', `${what} gives no part of it`);
      throw failureOf(what, { status, headers, words, isOwn }, this.parts.clock.now());
    } catch (error) {
      if (isUpstreamError(error) && error.about !== 'nothing') passage.failed(error);
      else passage.left();
      throw error;
    } finally {
      deadline.end();
    }
  }

  state(): UpstreamState {
    return this.health.state();
  }

  async close(): Promise<void> {
    await this.connections.close();
  }

  /** Up to the head of the answer, however many requests lead there. */
  private deadline({ method, path, repository, signal }: UpstreamRequest): Deadline {
    const time = ANSWERS_IN_ALL * this.limits.answerTimeout;
    const what = `${method} ${path.split('?', 1)[0]} of ${repository} at ${this.upstream.name}`;
    const late = `${what} was not answered in ${time} ms, with its redirects and its token`;
    // Each request has a time of its own, so some were answered.
    return new Deadline(time, new UpstreamError('unavailable', late, { about: 'repository' }), signal);
  }

  /** The answer to the question itself, once a login that the upstream asks for was given. */
  private async reply(request: UpstreamRequest): Promise<Reply> {
    const { repository, signal } = request;
    const authorization = await this.logins.authorization(repository, signal);
    const first = await this.requests.send(request, authorization);
    if (first.answer.status !== 401 || !first.isOwn) return first;
    await this.requests.drain(first, signal);
    const challenges = parseChallenges(linesOf(first.answer.headers, 'www-authenticate'));
    const renewed = await this.logins.renewed(repository, challenges, authorization, signal);
    return this.requests.send(request, renewed);
  }

  private async answer(request: UpstreamRequest, reply: Reply, passage: Passage): Promise<UpstreamAnswer> {
    const { answer, what } = reply;
    const { headers } = answer;
    const encodings = linesOf(headers, 'content-encoding');
    if (request.signal?.aborted === true) await this.requests.drain(reply, request.signal);
    if (encodings.some((encoding) => encoding !== '' && encoding.toLowerCase() !== 'identity')) {
      await this.requests.drain(reply, request.signal);
      throw new UpstreamError('dishonest', `${what} was answered in an encoding that was not asked for`);
    }
    if (isPart(request) && !startsAt(headers, request.from)) {
      await this.requests.drain(reply, request.signal);
      throw new UpstreamError('dishonest', `${what} was answered with another part than was asked for`);
    }
    const body = await this.body(request, reply, passage);
    return {
      contentType: headerOf(headers, 'content-type'),
      length: lengthOf(headerOf(headers, 'content-length')),
      digest: headerOf(headers, 'docker-content-digest'),
      link: headerOf(headers, 'link'),
      body,
    };
  }

  private async body(request: UpstreamRequest, reply: Reply, passage: Passage): Promise<Readable> {
    const { answer, what, isOwn } = reply;
    if (request.method === 'HEAD') {
      await this.requests.drain(reply, request.signal);
      passage.whole();
      return Readable.from([]);
    }
    passage.answered();
    return new UpstreamBody(answer.body, {
      what,
      about: isOwn ? 'repository' : 'elsewhere',
      signal: request.signal,
      received: (bytes) =>
        this.parts.telemetry.mirrorEvent({ upstream: this.upstream.name, kind: 'received', bytes }),
      ended: ({ whole, error }) => {
        answer.release();
        if (error !== undefined) passage.failed(error);
        else if (whole) passage.whole();
        else passage.left();
      },
    });
  }
}

function isPart<R extends UpstreamRequest>(request: R): request is R & { readonly from: number } {
  return request.from !== undefined && request.from > 0;
}

/** RFC 9110 §14.4. */
function startsAt(headers: IncomingHttpHeaders, from: number): boolean {
  const first = /^bytes (\d+)-\d+\/(?:\d+|\*)$/.exec(headerOf(headers, 'content-range') ?? '')?.[1];
  return first !== undefined && Number(first) === from;
}

function lengthOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
