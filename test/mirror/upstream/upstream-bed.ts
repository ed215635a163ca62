import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server as HttpServer, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Server as HttpsServer, ServerOptions } from 'node:https';
import type { AddressInfo, LookupFunction, Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { parseRepositoryName } from '../../../src/domain/repository-name.js';
import { RepositoryPattern } from '../../../src/domain/repository-pattern.js';
import { UpstreamClient } from '../../../src/mirror/upstream/upstream-client.js';
import { UPSTREAM_LIMITS } from '../../../src/mirror/upstream/upstream-limits.js';
import type { UpstreamLimits } from '../../../src/mirror/upstream/upstream-limits.js';
import { isUpstreamError } from '../../../src/mirror/upstream/upstream-error.js';
import type { UpstreamError } from '../../../src/mirror/upstream/upstream-error.js';
import type { Upstream, UpstreamLogin } from '../../../src/mirror/upstream/upstream.js';
import type { MirrorEvent } from '../../../src/ports/mirror-telemetry.js';
import { FakeClock } from '../../support/in-process.js';

export const REPOSITORY = parseRepositoryName('library/busybox');
export const PASSWORD = 'hunter2-the-password';

export function passwordLogin(pattern = '**', username = 'puller', password = PASSWORD): UpstreamLogin {
  return {
    repositories: RepositoryPattern.parse(pattern),
    credentials: { kind: 'password', username, password },
  };
}

export function identityLogin(token: string, pattern = '**'): UpstreamLogin {
  return { repositories: RepositoryPattern.parse(pattern), credentials: { kind: 'identity', token } };
}

/** What a server was asked. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** Of the connection that it came by. */
  readonly port: number;
}

export type Answering = (asked: Asked, response: ServerResponse) => void;

/** A real server on a loopback port of its own that notes all it is asked. */
export class Origin {
  readonly asked: Asked[] = [];
  /** Those open now. */
  connections = 0;

  private constructor(
    readonly server: HttpServer | HttpsServer,
    readonly scheme: 'http' | 'https',
    readonly address: string,
  ) {}

  static async start(
    answering: Answering,
    options: { readonly tls?: ServerOptions; readonly address?: string; readonly port?: number } = {},
  ): Promise<Origin> {
    const holder: { origin?: Origin } = {};
    const listener: RequestListener = (request, response) => {
      void textOf(request).then((body) => {
        const { method = '', url = '', headers, socket } = request;
        const asked = { method, url, headers, body, port: socket.remotePort ?? 0 };
        holder.origin?.asked.push(asked);
        answering(asked, response);
      });
    };
    const server = options.tls ? createTlsServer(options.tls, listener) : createServer(listener);
    const address = options.address ?? '127.0.0.1';
    const origin = new Origin(server, options.tls ? 'https' : 'http', address);
    holder.origin = origin;
    server.on('connection', (socket: Socket) => {
      origin.connections += 1;
      socket.on('close', () => (origin.connections -= 1));
    });
    server.listen(options.port ?? 0, address);
    await once(server, 'listening');
    return origin;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get host(): string {
    return `${this.address}:${this.port}`;
  }

  get url(): string {
    return `${this.scheme}://${this.host}`;
  }

  get paths(): readonly string[] {
    return this.asked.map(({ method, url }) => `${method} ${url}`);
  }

  async stop(): Promise<void> {
    if (!this.server.listening) return;
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

/** All that a test starts, and all that is said to anybody while it runs. */
export class UpstreamBed {
  readonly clock = new FakeClock();
  readonly events: MirrorEvent[] = [];
  readonly lines: string[] = [];
  private readonly origins: Origin[] = [];
  private readonly clients: UpstreamClient[] = [];

  async origin(...args: Parameters<typeof Origin.start>): Promise<Origin> {
    const origin = await Origin.start(...args);
    this.origins.push(origin);
    return origin;
  }

  client(
    upstream: Partial<Omit<Upstream, 'url'>> & { readonly url: string },
    limits: Partial<UpstreamLimits> = {},
    resolve?: LookupFunction,
  ): UpstreamClient {
    const write = (fields: object, message: string): void => {
      this.lines.push(`${JSON.stringify(fields)} ${message}`);
    };
    const log = { debug: write, info: write, warn: write, error: write, flush: () => Promise.resolve() };
    const client = new UpstreamClient(
      upstreamOf(upstream),
      {
        clock: this.clock,
        log,
        telemetry: { mirrorEvent: (event) => this.events.push(event) },
        ...(resolve && { resolve }),
      },
      { ...UPSTREAM_LIMITS, ...limits },
    );
    this.clients.push(client);
    return client;
  }

  /** The failure of a question. */
  async failure(work: Promise<unknown>): Promise<UpstreamError> {
    const error = await work.then(
      () => new Error('it did not fail'),
      (thrown: unknown) => thrown,
    );
    if (!isUpstreamError(error)) throw error;
    this.lines.push(`${error.message} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`);
    return error;
  }

  /** All that was said in errors, in the log and by telemetry. */
  said(): string {
    return [...this.lines, ...this.events.map((event) => JSON.stringify(event))].join('\n');
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
    await Promise.all(this.origins.map((origin) => origin.stop()));
  }
}

export function upstreamOf(upstream: Partial<Omit<Upstream, 'url'>> & { readonly url: string }): Upstream {
  return {
    name: 'hub',
    namespaces: [],
    logins: [],
    tokenHosts: [],
    networks: [],
    allow: [RepositoryPattern.parse('**')],
    deny: [],
    pinned: [],
    tls: {},
    ...upstream,
    url: new URL(upstream.url),
  };
}

/** A bed for each test of a suite. */
export function withUpstreamBed(): () => UpstreamBed {
  let bed: UpstreamBed | undefined;
  beforeEach(() => {
    bed = new UpstreamBed();
  });
  afterEach(async () => {
    await bed?.close();
    bed = undefined;
  });
  return () => {
    if (bed === undefined) throw new Error('no test is running');
    return bed;
  };
}

export async function textOf(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Resolves names as told, however often they are asked for; `all` of them at once. */
export function namesOf(
  answers: Readonly<Record<string, (asked: number) => readonly string[]>>,
): LookupFunction {
  const asked = new Map<string, number>();
  return (hostname, _options, callback) => {
    const times = asked.get(hostname) ?? 0;
    asked.set(hostname, times + 1);
    const addresses = (answers[hostname]?.(times) ?? []).map((address) => ({
      address,
      family: address.includes(':') ? 6 : 4,
    }));
    process.nextTick(callback, null, addresses);
  };
}
