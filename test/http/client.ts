import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { request } from 'node:http';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { RegistryNode } from '../support/in-process.js';
import type { Content } from './content.js';

export interface CallOptions {
  readonly headers?: OutgoingHttpHeaders;
  /** A list is sent chunked, without a length. */
  readonly body?: Uint8Array | string | readonly Uint8Array[];
}

export interface ErrorEntry {
  readonly code: string;
  readonly message: string;
  readonly detail?: unknown;
}

/** An answer as it came over the socket, its body read to the end. */
export class Answer {
  constructor(
    readonly status: number,
    readonly headers: IncomingHttpHeaders,
    readonly body: Buffer,
  ) {}

  /** The header; fails where it is missing. */
  header(name: string): string {
    const value = this.headers[name.toLowerCase()];
    assert.equal(typeof value, 'string', `${this.status} without ${name}: ${this.body.toString()}`);
    return String(value);
  }

  json(): unknown {
    return JSON.parse(this.body.toString());
  }

  get errors(): readonly ErrorEntry[] {
    return (this.json() as { errors: ErrorEntry[] }).errors;
  }

  /** Fails unless the status is this one. */
  expect(status: number): this {
    assert.equal(
      this.status,
      status,
      `${this.status} instead of ${status}: ${this.body.toString().slice(0, 300)}`,
    );
    return this;
  }

  /** Fails unless the answer is this error in the registry's form. */
  expectError(status: number, code: string): this {
    this.expect(status);
    assert.equal(this.headers['content-type'], 'application/json');
    assert.equal(this.errors[0]?.code, code, this.body.toString());
    return this;
  }
}

/** Calls a node's front over real sockets. */
export class Client {
  constructor(readonly node: RegistryNode) {}

  /** `path` may be a Location, an absolute path. */
  call(method: string, path: string, { headers = {}, body }: CallOptions = {}): Promise<Answer> {
    const { port, agent } = this.node;
    return new Promise((resolve, reject) => {
      const req = request({ host: '127.0.0.1', port, agent, method, path, headers }, (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.on('error', reject);
        res.on('end', () => resolve(new Answer(res.statusCode ?? 0, res.headers, Buffer.concat(chunks))));
      });
      req.on('error', reject);
      if (Array.isArray(body)) {
        for (const chunk of body as readonly Uint8Array[]) req.write(chunk);
        req.end();
      } else req.end(body);
    });
  }

  get(path: string, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
    return this.call('GET', path, { headers });
  }

  head(path: string, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
    return this.call('HEAD', path, { headers });
  }

  /** Answers the Location of a fresh session. */
  async openUpload(name: string, query = ''): Promise<string> {
    return (await this.call('POST', `/v2/${name}/blobs/uploads/${query}`)).expect(202).header('location');
  }

  /** A streamed PATCH; answers the next Location. */
  async patch(location: string, body: NonNullable<CallOptions['body']>): Promise<string> {
    return (await this.call('PATCH', location, { body })).expect(202).header('location');
  }

  /** One chunk with its Content-Range, whatever the answer. */
  patchChunk(location: string, start: number, body: Uint8Array): Promise<Answer> {
    const headers = { 'content-range': `${start}-${start + body.byteLength - 1}` };
    return this.call('PATCH', location, { headers, body });
  }

  /** The closing PUT, whatever the answer. */
  close(location: string, digest: string, options: CallOptions = {}): Promise<Answer> {
    return this.call('PUT', withDigest(location, digest), options);
  }

  /** By POST and PUT; answers the digest. */
  async pushBlob(name: string, bytes: Uint8Array, algorithm = 'sha256'): Promise<string> {
    const digest = digestOf(bytes, algorithm);
    const location = await this.openUpload(name);
    (await this.close(location, digest, { body: bytes })).expect(201);
    return digest;
  }

  putManifest(name: string, reference: string, { mediaType, bytes }: Content): Promise<Answer> {
    return this.call('PUT', `/v2/${name}/manifests/${reference}`, {
      headers: { 'content-type': mediaType },
      body: bytes,
    });
  }

  async pushManifest(name: string, reference: string, manifest: Content): Promise<Answer> {
    return (await this.putManifest(name, reference, manifest)).expect(201);
  }

  async tags(name: string): Promise<readonly string[]> {
    return ((await this.get(`/v2/${name}/tags/list`)).expect(200).json() as { tags: string[] }).tags;
  }

  async referrers(name: string, digest: string, query = ''): Promise<readonly ListedReferrer[]> {
    const answer = (await this.get(`/v2/${name}/referrers/${digest}${query}`)).expect(200);
    return (answer.json() as { manifests: ListedReferrer[] }).manifests;
  }

  /** Every page of a list, by its Links, starting at `path`. */
  async pages(path: string): Promise<readonly Answer[]> {
    const pages: Answer[] = [];
    for (let next: string | undefined = path; next !== undefined;) {
      const answer: Answer = (await this.get(next)).expect(200);
      pages.push(answer);
      next = answer.headers.link === undefined ? undefined : linkOf(answer);
    }
    return pages;
  }

  /** A bare connection, to send what no client library would. */
  connect(): Promise<Wire> {
    return Wire.to(this.node.port);
  }
}

export interface ListedReferrer {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The path of a `Link: <…>; rel="next"`; fails for any other form. */
export function linkOf(answer: Answer): string {
  const match = /^<([^>]+)>; rel="next"$/.exec(String(answer.headers.link));
  assert.ok(match?.[1], `the Link is ${String(answer.headers.link)}`);
  return match[1];
}

/** Appends the digest as clients do: with & where the Location has a query already. */
export function withDigest(location: string, digest: string): string {
  return `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`;
}

export function digestOf(bytes: Uint8Array, algorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/** A connection with no client library between. */
export class Wire {
  private received = Buffer.alloc(0);
  private ended = false;
  private failure: Error | undefined;
  private wake: () => void = () => undefined;

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.wake();
    });
    socket.on('end', () => {
      this.ended = true;
      this.wake();
    });
    socket.on('error', (error) => {
      this.failure = error;
      this.wake();
    });
  }

  static to(port: number): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket: Socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () =>
        resolve(new Wire(socket)),
      );
      socket.once('error', reject);
    });
  }

  /** The head of a request: lines without CRLF, Host added. */
  head(...lines: readonly string[]): this {
    const [first = '', ...rest] = lines;
    this.socket.write([first, 'Host: registry', ...rest, '', ''].join('\r\n'));
    return this;
  }

  /** Resolves when the system has taken the bytes. */
  write(bytes: Uint8Array | string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Everything received as soon as it matches. @throws if the connection ends before */
  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      const text = this.received.toString('latin1');
      if (pattern.test(text)) return text;
      if (this.failure !== undefined) throw this.failure;
      if (this.ended) throw new Error(`the connection ended after ${JSON.stringify(text.slice(0, 500))}`);
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  destroy(): void {
    this.socket.destroy();
  }
}
