import type { IncomingMessage } from 'node:http';
import { ApiProblem } from '../api/admin-connection.js';
import { PROBLEMS, PROBLEM_TYPE } from '../api/problem.js';
import type { ProblemCode } from '../api/problem.js';

/** What a server refused, and when it wants to be asked again. */
class AnsweredProblem extends ApiProblem {
  constructor(
    code: ProblemCode | 'unreachable',
    message: string,
    /** Seconds. */
    readonly retryAfter: number | undefined,
  ) {
    super(code, message);
  }
}

export interface RefusingAnswer {
  readonly server: string;
  readonly answer: IncomingMessage;
  readonly text: string;
  /** Whether it was asked for without a login. */
  readonly isAnonymous: boolean;
}

/** What an answer that is no success comes to. */
export function problemIn({ server, answer, text, isAnonymous }: RefusingAnswer): ApiProblem {
  const { statusCode: status = 0, headers } = answer;
  const retryAfter = secondsOf(headers['retry-after']);
  const told = headers['content-type']?.startsWith(PROBLEM_TYPE) === true ? jsonOf(text) : undefined;
  const { code, detail } = (told ?? {}) as { readonly code?: unknown; readonly detail?: unknown };
  if (typeof detail === 'string') {
    const kind = isCode(code) ? code : codeOf(status);
    return new AnsweredProblem(kind, adviceFor(server, kind, detail, isAnonymous), retryAfter);
  }
  if (status >= 300 && status < 400) {
    const place = headers.location === undefined ? 'elsewhere' : `to ${headers.location}`;
    return new AnsweredProblem(
      'unreachable',
      `${server} redirects ${place}; give the URL it leads to`,
      undefined,
    );
  }
  const what = `${status} ${answer.statusMessage ?? ''}`.trim();
  if (status === 404) {
    const message = `${server} has no admin API (it answers ${what}); check the URL, and the server's version`;
    return new AnsweredProblem('unreachable', message, undefined);
  }
  const message = `${server} answers ${what}, which is not of the admin API; something stands between`;
  return new AnsweredProblem(codeOf(status), message, retryAfter);
}

/** Undefined for what is no JSON. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // whoever asked finds that it does not fit
  }
}

/** RFC 9110 §8.8.3. */
export function versionIn({ headers }: IncomingMessage): string | undefined {
  return /^(?:W\/)?"([^"]*)"$/.exec(headers.etag ?? '')?.[1];
}

function adviceFor(server: string, code: string, detail: string, isAnonymous: boolean): string {
  if (code !== 'login-required') return detail;
  return isAnonymous
    ? `there is no login for ${server}: run stackyard login ${server}, or set STACKYARD_TOKEN`
    : `${server} refused the login: ${detail}`;
}

function isCode(code: unknown): code is ProblemCode {
  return typeof code === 'string' && Object.hasOwn(PROBLEMS, code);
}

/** Of kinds that are not known here, and of what others answer. */
function codeOf(status: number): ProblemCode {
  if ([502, 503, 504].includes(status)) return 'unavailable';
  const known = (Object.keys(PROBLEMS) as ProblemCode[]).find((code) => PROBLEMS[code].status === status);
  if (known !== undefined) return known;
  return status >= 400 && status < 500 ? 'invalid-request' : 'internal';
}

function secondsOf(header: string | undefined): number | undefined {
  return header !== undefined && /^\d+$/.test(header) ? Number(header) : undefined;
}
