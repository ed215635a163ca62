import { Agent, request, type ClientRequest, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { collected, type Answer, type StreamedAnswer } from './answer.js';
import type { Origins } from './origins.js';
import { sendHead } from './pump.js';
import { pairsOf, type RawHeaders } from './raw-headers.js';
import { parseTarget } from './request-target.js';
import { TokenAliases } from './token-aliases.js';

export interface RequestHead {
  readonly method: string;
  /** The path and query, as they stand on the wire. */
  readonly path: string;
  readonly headers: RawHeaders;
}

/** Swift allows 128 metadata headers of 256 bytes, more than node:http's 16 KiB. */
export const MAX_HEADER_BYTES = 128 * 1024;

/** Headers that node:http would make up where the client sent none. */
const MADE_UP = ['connection', 'content-length', 'transfer-encoding'];

/** The real server. */
export class Upstream {
  readonly aliases = new TokenAliases();
  private readonly agent = new Agent({ keepAlive: true });

  constructor(
    private readonly target: URL,
    private readonly origins: Origins,
  ) {}

  /** Sends the head of a request, as it is, at once; its body is the caller's to write. */
  open({ method, path, headers }: RequestHead): ClientRequest {
    const onward = request({
      agent: this.agent,
      host: this.target.hostname.replace(/^\[|\]$/g, ''),
      port: this.target.port || 80,
      method,
      path,
      setHost: false,
      maxHeaderSize: MAX_HEADER_BYTES,
    });
    const values = new Map<string, [string, ...string[]]>();
    for (const [name, value] of pairsOf(this.aliases.toServer(headers))) {
      const same = values.get(name.toLowerCase());
      if (same === undefined) values.set(name.toLowerCase(), [name, value]);
      else same.push(value);
    }
    for (const [name, ...all] of values.values())
      onward.setHeader(name, all.length > 1 ? all : (all[0] ?? ''));
    for (const name of MADE_UP) if (!values.has(name)) onward.removeHeader(name);
    onward.on('error', () => undefined); // shows as an answer that does not come, or a body that breaks
    sendHead(onward);
    return onward;
  }

  /** The answer to a request that was opened; rejects when the connection breaks before. */
  async answerTo(onward: ClientRequest): Promise<StreamedAnswer> {
    const [incoming] = (await once(onward, 'response')) as [IncomingMessage];
    const answer = {
      status: incoming.statusCode ?? 0,
      reason: incoming.statusMessage ?? '',
      headers: this.aliases.toClient(incoming.rawHeaders),
      body: incoming,
    };
    return this.origins.putInto(answer, parseTarget(onward.path).path);
  }

  /** A request of the proxy's own, without a body. */
  async ask(head: RequestHead): Promise<Answer> {
    const onward = this.open(head);
    onward.end();
    return collected(await this.answerTo(onward));
  }

  close(): void {
    this.agent.destroy();
  }
}
