import type { Request } from 'express';
import { NO_BODY } from '../../api/operation.js';
import type { Operation } from '../../api/operation.js';
import type { Wish } from '../../admin/admin-api.js';
import { Problem } from './problem-answer.js';

const MOST_PARAMETERS = 200;

type Values = Readonly<Record<string, string | readonly string[]>>;

/** Whether the operation has a body of JSON. */
export function takesBody({ body }: Operation): boolean {
  return body !== NO_BODY;
}

/** What a request asks for, not yet examined. @throws Problem */
export function wishOf(req: Request, operation: Operation): Wish {
  return {
    params: req.params,
    query: queryOf(req),
    body: bodyOf(req, operation),
    version: versionOf(req, operation),
  };
}

/** One text, or all where a name is repeated. */
function queryOf(req: Request): Values {
  const { searchParams } = new URL(req.originalUrl, 'http://localhost');
  const values = new Map<string, string | string[]>();
  let count = 0;
  for (const [name, value] of searchParams) {
    if ((count += 1) > MOST_PARAMETERS)
      throw new Problem('invalid-request', `a query has at most ${MOST_PARAMETERS} parameters`);
    const before = values.get(name);
    if (before === undefined) values.set(name, value);
    else values.set(name, [...(typeof before === 'string' ? [before] : before), value]);
  }
  return Object.fromEntries(values);
}

function bodyOf(req: Request, operation: Operation): unknown {
  if (!takesBody(operation)) return undefined;
  const { 'content-length': length, 'transfer-encoding': encoding } = req.headers;
  if (encoding === undefined && Number(length ?? 0) === 0) return undefined;
  if (req.is('application/json') === false) throw new Problem('wrong-media-type', 'send application/json');
  return req.body as unknown;
}

/** RFC 9110 §13.1.1: one strong tag, or `*` for whatever there is; a weak one matches nothing. */
function versionOf(req: Request, { versioned }: Operation): string | undefined {
  if (versioned !== 'requires' && versioned !== 'compares') return undefined;
  const header = req.get('If-Match');
  if (header === undefined) {
    if (versioned === 'compares') return undefined;
    throw new Problem('version-required', 'send If-Match with the ETag that you have seen, or * for any');
  }
  if (header.trim() === '*') return undefined;
  const [, weak, tag] = /^(W\/)?"([^"]*)"$/.exec(header.trim()) ?? [];
  if (weak !== undefined)
    throw new Problem('stale', 'a weak ETag matches nothing here: send the one that was answered');
  if (tag === undefined) throw new Problem('invalid-request', 'If-Match is one ETag in quotes, or *');
  return tag;
}
