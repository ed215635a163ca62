import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { Origin, type Asked } from '../mirror/upstream/upstream-bed.js';

/** What the real upstream answered, all of it. */
export interface Truth {
  readonly asked: Asked;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
}

export interface Lie {
  /** Matches `METHOD /path` of the requests that are lied about. */
  readonly about: RegExp;
  tell(truth: Truth, response: ServerResponse): void | Promise<void>;
}

/** A proxy in front of a real registry that notes all that is asked of it, and lies where it is told to. */
export class LyingUpstream {
  /** Told in place of the truth, where it is about what is asked. */
  lie: Lie | undefined;
  /** The tokens that the real one gave out. */
  readonly issued = new Set<string>();
  /** `METHOD /path` of what the real one did not refuse. */
  readonly given: string[] = [];
  private readonly before: Asked[] = [];
  private port = 0;
  private origin: Origin | undefined;

  private constructor(private readonly real: string) {}

  static async start(real: string): Promise<LyingUpstream> {
    const upstream = new LyingUpstream(real);
    await upstream.up();
    return upstream;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get asked(): readonly Asked[] {
    return [...this.before, ...(this.origin?.asked ?? [])];
  }

  /** Listens, on the same port each time. */
  async up(): Promise<void> {
    this.origin = await Origin.start(
      (asked, response) => {
        this.answer(asked, response).catch((error: unknown) => response.destroy(error as Error));
      },
      { port: this.port },
    );
    this.port = this.origin.port;
  }

  /** Breaks all connections and takes no more. */
  async down(): Promise<void> {
    const { origin } = this;
    if (origin === undefined) return;
    this.origin = undefined;
    await origin.stop();
    this.before.push(...origin.asked);
  }

  private async answer(asked: Asked, response: ServerResponse): Promise<void> {
    const { lie } = this;
    const answer = await this.truth(asked);
    const { statusCode: status = 0, headers } = answer;
    const path = `${asked.method} ${asked.url}`;
    if (status < 400) this.given.push(path);
    const isLie = lie?.about.test(path) === true;
    if (!isLie && !asked.url.startsWith('/token')) {
      response.writeHead(status, headers);
      await pipeline(answer, response);
      return;
    }
    const bytes = await bytesOf(answer);
    if (asked.url.startsWith('/token')) this.noteTokens(bytes);
    if (isLie) return lie.tell({ asked, status, headers, bytes }, response);
    response.writeHead(status, headers).end(bytes);
  }

  private async truth({ method, url, headers, body }: Asked): Promise<IncomingMessage> {
    // The Host stays: a token realm is made of it.
    const question = request(new URL(url, this.real), { method, headers, agent: false });
    question.end(body);
    const [answer] = (await once(question, 'response')) as [IncomingMessage];
    return answer;
  }

  private noteTokens(bytes: Buffer): void {
    for (const value of Object.values(JSON.parse(bytes.toString()) as Record<string, unknown>))
      if (typeof value === 'string' && value.length > 40) this.issued.add(value);
  }
}

async function bytesOf(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
