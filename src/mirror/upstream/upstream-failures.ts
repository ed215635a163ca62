import type { IncomingHttpHeaders } from 'node:http';
import { headerOf } from './answer-headers.js';
import { UpstreamError } from './upstream-error.js';
import type { UpstreamErrorScope } from './upstream-error.js';

const DEFAULT_WAIT_S = 60;
const LONGEST_WAIT_S = 3600;
const LONGEST_REASON = 200;
const LONGEST_HOST = 255;

/** An answer that is not what was asked for. */
export interface Refusal {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** In the server's own words, where they may be quoted. */
  readonly words?: string | undefined;
  /** Whether the upstream itself said so, or who it led to. */
  readonly isOwn?: boolean;
}

/** What a status means that is neither 200 nor a redirect. `what` names upstream, host and question. `now` in ms. */
export function failureOf(
  what: string,
  { status, headers, words, isOwn = true }: Refusal,
  now: number,
): UpstreamError {
  const told = `${what} was answered with ${status}${words === undefined ? '' : `: ${words}`}`;
  const about = isOwn ? 'repository' : 'elsewhere';
  if (status === 404) return new UpstreamError('absent', told, { about });
  if (status === 401 || status === 403) {
    const advice = isOwn ? '; check the login of the upstream for this repository' : '';
    return new UpstreamError('denied', `${told}${advice}`, { about });
  }
  if (status === 429) {
    const wait = retryAfterOf(headers, now) ?? DEFAULT_WAIT_S;
    return new UpstreamError('limited', told, { retryAfter: wait, about });
  }
  const retryAfter = status === 503 ? retryAfterOf(headers, now) : undefined;
  return new UpstreamError('unavailable', told, { about, ...(retryAfter !== undefined && { retryAfter }) });
}

/** Seconds, at most an hour, of a Retry-After of either form (RFC 9110 §10.2.3). */
function retryAfterOf(headers: IncomingHttpHeaders, now: number): number | undefined {
  const text = headerOf(headers, 'retry-after')?.trim();
  if (text === undefined) return undefined;
  const seconds = /^\d+$/.test(text) ? Number(text) : Math.ceil((Date.parse(text) - now) / 1000);
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 1), LONGEST_WAIT_S);
}

/** What came of a request that got no answer, or only a part. `what` names upstream, host and question. */
export function breakOf(what: string, cause: unknown, about?: UpstreamErrorScope): UpstreamError {
  if (cause instanceof UpstreamError) return cause;
  const code = codeOf(cause);
  const advice = ADVICE[code];
  const reason = advice ?? quotable(cause instanceof Error ? cause.message : '') ?? 'the connection failed';
  // No cause: undici keeps what it received in some of its errors, and a token may be in there.
  return new UpstreamError('unavailable', `${what} failed: ${reason}${code === '' ? '' : ` (${code})`}`, {
    about,
  });
}

/** Host and port as messages show them: whoever led there may have made them as long as a header may be. */
export function shownHost({ host }: Pick<URL, 'host'>): string {
  return host.length > LONGEST_HOST ? `${host.slice(0, LONGEST_HOST)}…` : host;
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** A text of somebody else's that may stand in a message of ours: short, printable, one line. */
export function quotable(text: unknown, secrets: readonly string[] = []): string | undefined {
  if (typeof text !== 'string' || text === '' || text.length > LONGEST_REASON) return undefined;
  if (!/^[\P{C}]+$/u.test(text) || /[\u2028\u2029]/.test(text)) return undefined;
  return secrets.some((secret) => secret !== '' && text.includes(secret)) ? undefined : text;
}

const UNKNOWN_AUTHORITY =
  'its certificate is of no authority that is trusted here; give the authority as tls.ca of the upstream';
const CLIENT_CERTIFICATE =
  'it wants a certificate of ours; give tls.certificate and tls.key of the upstream, or other ones';

const ADVICE: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name; correct the url of the upstream',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS; give its url with http: if that is right',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS; give its url with http: if that is right',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: CLIENT_CERTIFICATE,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: CLIENT_CERTIFICATE,
  ENOTFOUND: 'its name is not known to the DNS',
  EAI_AGAIN: 'the DNS does not answer',
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'it broke off the connection',
  EPIPE: 'it broke off the connection',
  UND_ERR_SOCKET: 'it broke off',
  UND_ERR_CONNECT_TIMEOUT: 'it did not take the connection in time',
  UND_ERR_HEADERS_TIMEOUT: 'it did not answer in time',
  UND_ERR_BODY_TIMEOUT: 'it fell silent',
  UND_ERR_HEADERS_OVERFLOW: 'the head of its answer is too long',
};
