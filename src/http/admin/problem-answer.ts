import type { IncomingMessage, ServerResponse } from 'node:http';
import { problemOf } from '../../admin/problem-of.js';
import type { ToldProblem } from '../../admin/problem-of.js';
import { PROBLEMS, PROBLEM_TYPE } from '../../api/problem.js';
import type { ProblemBody, ProblemCode } from '../../api/problem.js';
import { RegistryError } from '../../errors/registry-error.js';
import { sendErrorText } from '../error-handler.js';
import { note } from '../request-notes.js';

const CHALLENGE = 'Basic realm="Stackyard", charset="UTF-8"';

/** A request of the admin API that cannot be answered, for a reason that lies in HTTP. */
export class Problem extends Error {
  override readonly name = 'Problem';

  constructor(
    readonly code: ProblemCode,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** Answers with a problem (RFC 9457), and lets the log tell what is behind it. */
export function sendProblem(req: IncomingMessage, res: ServerResponse, error: unknown): void {
  const { code, detail, retryAfter } = toldOf(error);
  const { status, title } = PROBLEMS[code];
  note(req, { error: loggedOf(error, status) });
  const body: ProblemBody = { type: `urn:stackyard:problem:${code}`, title, status, code, detail };
  const headers = {
    'Content-Type': PROBLEM_TYPE,
    ...(retryAfter !== undefined && { 'Retry-After': String(retryAfter) }),
    ...(code === 'login-required' && { 'WWW-Authenticate': CHALLENGE }),
    ...(error instanceof Problem && error.headers),
  };
  sendErrorText(req, res, { status, headers, text: JSON.stringify(body) });
}

function toldOf(error: unknown): ToldProblem {
  return error instanceof Problem ? { code: error.code, detail: error.message } : problemOf(error);
}

function loggedOf(error: unknown, status: number): RegistryError {
  if (error instanceof RegistryError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new RegistryError(status >= 500 ? 'UNKNOWN' : 'UNSUPPORTED', message, { status, cause: error });
}
