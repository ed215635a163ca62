import type { Request } from 'express';
import type { Operation } from '../../api/operation.js';
import type { Wish } from '../../admin/admin-api.js';
import { Problem } from './problem-answer.js';

type Values = Readonly<Record<string, string | readonly string[]>>;

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
  return Object.fromEntries(
    [...new Set(searchParams.keys())].map((name) => {
      const values = searchParams.getAll(name);
      return [name, values.length === 1 ? (values[0] ?? '') : values];
    }),
  );
}

function bodyOf(req: Request, { upload }: Operation): unknown {
  if (upload === true || req.method === 'GET' || req.method === 'HEAD') return undefined;
  const { 'content-length': length, 'transfer-encoding': encoding } = req.headers;
  if (encoding === undefined && Number(length ?? 0) === 0) return undefined;
  if (req.is('application/json') === false) throw new Problem('wrong-media-type', 'send application/json');
  return req.body as unknown;
}

/** RFC 9110 §13.1.1: one strong tag, or `*` for whatever there is. */
function versionOf(req: Request, { versioned }: Operation): string | undefined {
  if (versioned !== 'requires') return undefined;
  const header = req.get('If-Match');
  if (header === undefined) {
    throw new Problem('version-required', 'send If-Match with the ETag that you have seen, or * for any');
  }
  if (header.trim() === '*') return undefined;
  const [, tag] = /^"([^"]*)"$/.exec(header.trim()) ?? [];
  if (tag === undefined) throw new Problem('invalid-request', 'If-Match is one ETag in quotes, or *');
  return tag;
}
