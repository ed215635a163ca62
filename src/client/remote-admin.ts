import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { ApiProblem } from '../api/admin-connection.js';
import type { AdminConnection, ArchiveSource, Given } from '../api/admin-connection.js';
import type { Operation } from '../api/operation.js';
import { OPERATIONS } from '../api/operations.js';
import type { OperationId, OperationResult } from '../api/operations.js';
import { bareMediaType } from '../domain/media-type.js';
import { jsonOf, problemIn, versionIn } from './answer.js';
import { archiveForm } from './archive-form.js';
import { authorizationOf } from './credentials.js';
import type { Credentials } from './credentials.js';
import { isCut, unreachable } from './http-exchange.js';
import type { ExchangeRequest, HttpExchange } from './http-exchange.js';
import { pathOf } from './operation-path.js';

export interface RemoteAdminParts {
  readonly exchange: HttpExchange;
  /** Without them as anonymous. */
  readonly credentials?: Credentials | undefined;
  /** Unguessable, and fit for a boundary and an idempotency key. */
  readonly uniqueId: () => string;
  readonly wait: (milliseconds: number) => Promise<void>;
}

interface Answered {
  readonly answer: IncomingMessage;
  readonly text: string;
}

const TRIES = 3;
const LONGEST_WAIT = 30_000;
const PAUSE = 500;
/** Of an answer that is held in memory; a page of a list is far smaller. */
const ANSWER_BYTES = 64 * 1024 * 1024;

/**
 * The admin API of a server, over HTTP. Reading, and making what has an idempotency key, is tried again where the
 * connection is cut or the server asks for it; other changes are sent once.
 */
export class RemoteAdmin implements AdminConnection {
  readonly name: string;

  constructor(private readonly parts: RemoteAdminParts) {
    this.name = parts.exchange.server;
  }

  async call<K extends OperationId>(
    id: K,
    given: Given<K> = {},
  ): Promise<{ readonly value: OperationResult<K>; readonly version?: string }> {
    const operation: Operation = OPERATIONS[id];
    const { answer, text } = await this.answered(operation, this.requestOf(operation, given));
    const value = (await this.resultIn(operation, id, text)) as OperationResult<K>;
    const version = versionIn(answer);
    return { value, ...(version !== undefined && { version }) };
  }

  async upload(
    id: 'importArchive',
    given: Given<'importArchive'>,
    archive: ArchiveSource,
  ): Promise<OperationResult<'importArchive'>> {
    const operation: Operation = OPERATIONS[id];
    const form = archiveForm(archive, `stackyard-${this.parts.uniqueId()}`);
    const { headers, ...request } = this.requestOf(operation, given);
    const sending = this.once({
      ...request,
      headers: {
        ...headers,
        'Content-Type': form.contentType,
        ...(form.length !== undefined && { 'Content-Length': form.length }),
        Expect: '100-continue',
      },
      body: form,
    });
    const { text } = await Promise.race([sending, ...abortOf(archive.signal)]);
    return (await this.resultIn(operation, id, text)) as OperationResult<'importArchive'>;
  }

  async download<K extends 'exportArchive' | 'exportAuditEvents'>(
    id: K,
    given: Given<K>,
  ): Promise<{ readonly size?: number; readonly body: Readable }> {
    const operation: Operation = OPERATIONS[id];
    const request = this.requestOf(operation, given);
    const answer = await this.repeated(() =>
      this.sent({ ...request, headers: { ...request.headers, Accept: '*/*' } }),
    );
    this.requireMediaType(answer, operation);
    const size = answer.headers['content-length'];
    const body = Readable.from(this.wholeOf(answer), { objectMode: false });
    body.once('close', () => answer.destroy());
    return { body, ...(size !== undefined && { size: Number(size) }) };
  }

  async close(): Promise<void> {
    this.parts.exchange.close();
  }

  private requestOf(
    operation: Operation,
    { params, query, body, version }: Given<OperationId>,
  ): Omit<ExchangeRequest, 'body'> & { readonly body?: Buffer } {
    const { credentials, uniqueId } = this.parts;
    const json = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const headers: OutgoingHttpHeaders = {
      Accept: 'application/json, application/problem+json',
      ...(credentials && { Authorization: authorizationOf(credentials) }),
      ...(json && { 'Content-Type': 'application/json', 'Content-Length': json.byteLength }),
      ...(operation.repeatable === true && { 'Idempotency-Key': uniqueId() }),
      ...(operation.versioned === 'requires' && {
        'If-Match': version === undefined ? '*' : `"${version}"`,
      }),
    };
    const path = pathOf(operation, { params, query });
    return { method: operation.method, path, headers, ...(json && { body: json }) };
  }

  private answered(operation: Operation, request: ExchangeRequest): Promise<Answered> {
    const isSafe = operation.method === 'GET' || operation.repeatable === true;
    return isSafe ? this.repeated(() => this.once(request)) : this.once(request);
  }

  private async once(request: ExchangeRequest): Promise<Answered> {
    const answer = await this.sent(request);
    const text = await this.textOf(answer);
    if (request.body !== undefined && !Buffer.isBuffer(request.body)) answer.destroy(); // it may not be sent wholly
    return { answer, text };
  }

  /** The answer of success, its body unread. @throws ApiProblem */
  private async sent(request: ExchangeRequest): Promise<IncomingMessage> {
    const answer = await this.parts.exchange.send(request);
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status < 300) return answer;
    const text = await this.textOf(answer);
    answer.destroy();
    const { server } = this.parts.exchange;
    throw problemIn({ server, answer, text, isAnonymous: this.parts.credentials === undefined });
  }

  /** What stands between may answer a page of its own. @throws ApiProblem */
  private requireMediaType(answer: IncomingMessage, { download = '' }: Operation): void {
    const type = answer.headers['content-type'] ?? 'what has no Content-Type';
    if (bareMediaType(type) === download) return;
    answer.destroy();
    throw new ApiProblem(
      'internal',
      `${this.name} answers ${type} instead of ${download}; something stands between, or the URL is another's`,
    );
  }

  private async repeated<T>(work: () => Promise<T>): Promise<T> {
    for (let tried = 1; ; tried += 1) {
      try {
        return await work();
      } catch (error) {
        const pause = pauseAfter(error, tried);
        if (pause === undefined || tried === TRIES) throw error;
        await this.parts.wait(pause);
      }
    }
  }

  private async textOf(answer: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of this.wholeOf(answer)) {
      bytes += chunk.byteLength;
      if (bytes > ANSWER_BYTES) {
        answer.destroy();
        throw new ApiProblem('internal', `${this.name} answers with more than ${ANSWER_BYTES} bytes`);
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString();
  }

  /** @throws ApiProblem where it ends before its end */
  private async *wholeOf(answer: IncomingMessage): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of answer) yield chunk as Buffer;
    } catch (error) {
      throw unreachable(this.name, error as Error);
    }
    if (!answer.complete) throw unreachable(this.name, cutShort());
  }

  private async resultIn({ result }: Operation, id: OperationId, text: string): Promise<unknown> {
    const json = text === '' ? undefined : jsonOf(text);
    const parsed = result.safeParse(json);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    const where =
      issue === undefined || issue.path.length === 0 ? '' : ` (${issue.path.join('.')}: ${issue.message})`;
    throw new ApiProblem(
      'internal',
      `${this.name} (version ${id === 'whoAmI' ? 'unknown' : await this.version()}) answered ${id} in a form that is not known here${where}; use the stackyard command of the server's version`,
    );
  }

  private version(): Promise<string> {
    return this.call('whoAmI').then(
      ({ value }) => value.version,
      () => 'unknown',
    );
  }
}

/** Milliseconds; undefined where it would be of no use to try again. */
function pauseAfter(error: unknown, tried: number): number | undefined {
  if (isCut(error)) return PAUSE * tried;
  const { retryAfter } = error as { retryAfter?: unknown };
  if (typeof retryAfter !== 'number' || retryAfter * 1000 > LONGEST_WAIT) return undefined;
  return retryAfter * 1000;
}

/** Rejects with its reason; the server notices that nobody waits when the connection is closed. */
function abortOf(signal: AbortSignal | undefined): readonly Promise<never>[] {
  if (signal === undefined) return [];
  const abort = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  return [abort];
}

function cutShort(): Error {
  return Object.assign(new Error('the connection was cut'), { code: 'ECONNRESET' });
}
