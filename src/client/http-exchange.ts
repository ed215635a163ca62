import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { ApiProblem } from '../api/admin-connection.js';
import { sendRequestBody } from './request-body.js';
import type { RequestBody } from './request-body.js';

/** Milliseconds. */
export interface ExchangeTimeouts {
  /** Until a connection is there, with TLS. */
  readonly connect: number;
  /** Without a byte in either direction; so long, too, may an answer take. */
  readonly silence: number;
  /** For `100 Continue`; then the body is sent without. */
  readonly proceed: number;
}

export const TIMEOUTS: ExchangeTimeouts = { connect: 10_000, silence: 300_000, proceed: 3000 };

export interface ExchangeRequest {
  readonly method: string;
  /** As it is sent: below the path of the server, encoded, with the query. */
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body?: Buffer | RequestBody | undefined;
}

/** Requests to one server. Redirects are answers like others. */
export class HttpExchange {
  private readonly agent: HttpAgent;
  private readonly isSecure: boolean;

  constructor(
    /** As `parseServerUrl` gives it. */
    readonly server: string,
    options: { readonly ca?: string | undefined },
    private readonly timeouts: ExchangeTimeouts = TIMEOUTS,
  ) {
    this.isSecure = server.startsWith('https:');
    this.agent = this.isSecure
      ? new HttpsAgent({ keepAlive: true, ...(options.ca !== undefined && { ca: options.ca }) })
      : new HttpAgent({ keepAlive: true });
  }

  /**
   * The answer, its body unread. One that comes before the end of a request's body ends that.
   * @throws ApiProblem unreachable; what the body throws
   */
  async send({ method, path, headers, body }: ExchangeRequest): Promise<IncomingMessage> {
    const { hostname, port, pathname } = new URL(this.server);
    const start = this.isSecure ? httpsRequest : httpRequest;
    const request = start({
      agent: this.agent,
      hostname: hostname.replace(/^\[|\]$/g, ''),
      port,
      method,
      path: `${pathname.replace(/\/+$/, '')}${path}`,
      headers,
    });
    this.limit(request);
    const answer = answerTo(request);
    if (body === undefined || Buffer.isBuffer(body)) request.end(body);
    else await this.sendBody(request, answer, body);
    return answer.catch((error: Error) => {
      throw unreachable(this.server, error);
    });
  }

  /** Until the answer comes, whatever of the body is sent by then. @throws what the body throws */
  private async sendBody(request: ClientRequest, answer: Promise<unknown>, body: RequestBody): Promise<void> {
    const sent = sendRequestBody(request, body, this.timeouts.proceed);
    sent.catch((error: Error) => request.destroy(error));
    const answered = answer.then(
      () => undefined,
      () => undefined, // told to whoever awaits it
    );
    await Promise.race([sent, answered]);
    if (request.destroyed) await sent;
  }

  close(): void {
    this.agent.destroy();
  }

  private limit(request: ClientRequest): void {
    const { connect, silence } = this.timeouts;
    request.setTimeout(silence, () => {
      request.destroy(new Error(`nothing came for ${silence / 1000} seconds`));
    });
    request.once('socket', (socket: Socket) => {
      if (!socket.connecting) return;
      const timer = setTimeout(() => {
        request.destroy(new Error(`no connection within ${connect / 1000} seconds`));
      }, connect);
      const clear = (): void => clearTimeout(timer);
      socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', clear).once('close', clear);
    });
  }
}

/** What a server that cannot be reached, or is lost, is told as. */
export function unreachable(server: string, cause: Error): ApiProblem {
  return new ApiProblem('unreachable', `cannot reach ${server}: ${reasonOf(cause)}`, { cause });
}

const CUT = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);

/** Whether a connection was there and ended without an answer. */
export function isCut(error: unknown): boolean {
  const { cause } = error as { cause?: unknown };
  return error instanceof ApiProblem && CUT.has(String((cause as NodeJS.ErrnoException | undefined)?.code));
}

function answerTo(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on('error', reject); // stays: a socket that fails after the answer fails the answer's body
    request.once('response', resolve);
    request.once('upgrade', (_answer, socket: Socket) => {
      socket.destroy();
      reject(new Error('it wants another protocol'));
    });
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; is the server running, and is the port right?',
  ENOTFOUND: 'the host name is not known; check the URL',
  EAI_AGAIN: 'the host name could not be looked up; check the URL and the network',
  ECONNRESET: 'the connection was cut; try again',
  EPIPE: 'the connection was cut; try again',
  EHOSTUNREACH: 'there is no way to that host; check the network',
  ENETUNREACH: 'there is no way to that network; check the network',
  EPROTO: 'it does not speak TLS; is the URL one of http://?',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS; is the URL one of http://?',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS; is the URL one of http://?',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself; give it by --ca FILE',
  SELF_SIGNED_CERT_IN_CHAIN: 'no authority known here signed its certificate; give that by --ca FILE',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'no authority known here signed its certificate; give that by --ca FILE',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'no authority known here signed its certificate; give that by --ca FILE',
};

function reasonOf(error: Error): string {
  const first = error instanceof AggregateError ? (error.errors[0] as Error | undefined) : undefined;
  const { code, message } = (first ?? error) as NodeJS.ErrnoException;
  if (code?.startsWith('HPE_') === true) return 'it does not answer in HTTP; is the URL one of https://?';
  return (code === undefined ? undefined : REASONS[code]) ?? (message || String(code));
}
