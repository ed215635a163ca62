import { headerOf } from './answer-headers.js';
import { readBounded } from './bounded-body.js';
import { isRedirect, redirectTarget } from './redirects.js';
import type { HopAnswer, UpstreamConnections } from './upstream-connections.js';
import { secretsOf } from './upstream-credentials.js';
import { quotable, shownHost } from './upstream-failures.js';
import type { UpstreamRequest } from './upstream-access.js';
import type { Upstream } from './upstream.js';

/** Of an answer that is not wanted: read so that its connection lives on. */
const MAX_UNWANTED = 64 * 1024;

/** What a question came to, behind all redirects. */
export interface Reply {
  readonly answer: HopAnswer;
  /** Names upstream, host and question. */
  readonly what: string;
  /** Whether it came from the upstream itself. */
  readonly isOwn: boolean;
  readonly authorization: string | undefined;
}

/** Sends questions about repositories, and follows redirects; the login goes to the upstream's own origin alone. */
export class UpstreamRequests {
  constructor(
    private readonly upstream: Upstream,
    private readonly connections: UpstreamConnections,
    /** Milliseconds, for an unwanted body. */
    private readonly timeout: number,
  ) {}

  /** @throws UpstreamError `refused`, `unavailable`; the signal's reason */
  async send(request: UpstreamRequest, authorization: string | undefined): Promise<Reply> {
    const { url, name } = this.upstream;
    const { method, repository, path, accept, from = 0, signal } = request;
    const question = `${method} ${path.split('?', 1)[0]} of ${repository}`;
    let origin = url.origin;
    let target = `${url.pathname}v2/${repository}/${path}`;
    for (let followed = 0; ; followed++) {
      const at = new URL(`${origin}${target}`);
      const isOwn = origin === url.origin;
      const what = `${question} at ${name} (${shownHost(at)})`;
      const sent = isOwn ? authorization : undefined;
      const headers = {
        ...(accept !== undefined && { accept }),
        ...(from > 0 && { range: `bytes=${from}-` }),
        ...(sent !== undefined && { authorization: sent }),
      };
      const about = isOwn ? 'upstream' : 'elsewhere';
      const answer = await this.connections.send({
        method,
        origin,
        path: target,
        headers,
        what,
        about,
        signal,
      });
      const reply = { answer, what, isOwn, authorization: sent };
      if (!isRedirect(answer.status)) return reply;
      await this.drain(reply, signal);
      const to = redirectTarget(this.upstream, at, headerOf(answer.headers, 'location'), followed);
      origin = to.origin;
      target = `${to.pathname}${to.search}`;
    }
  }

  /** Reads an unwanted body away. @throws the signal's reason */
  async drain({ answer }: Reply, signal: AbortSignal | undefined): Promise<Buffer | undefined> {
    try {
      return await readBounded(answer.body, { limit: MAX_UNWANTED, timeout: this.timeout, signal });
    } finally {
      answer.release();
    }
  }

  /** The first message of an OCI error, where it may be quoted: the upstream's own, short, and without our login. */
  async words(reply: Reply, signal: AbortSignal | undefined): Promise<string | undefined> {
    const body = await this.drain(reply, signal);
    if (body === undefined || !reply.isOwn) return undefined;
    return quotable(firstMessage(body), secretsOf(this.upstream, reply.authorization));
  }
}

function firstMessage(body: Buffer): unknown {
  try {
    const answer = JSON.parse(body.toString()) as { errors?: { message?: unknown }[] } | null;
    return answer?.errors?.[0]?.message;
  } catch {
    return undefined;
  }
}
