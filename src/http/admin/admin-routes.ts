import { Router, json } from 'express';
import type { ErrorRequestHandler, NextFunction, Request, RequestHandler, Response } from 'express';
import type { AdminApi, Answer } from '../../admin/admin-api.js';
import type { Download } from '../../admin/handlers/handler.js';
import type { Operation } from '../../api/operation.js';
import { OPERATIONS } from '../../api/operations.js';
import type { OperationId } from '../../api/operations.js';
import { loginRequired } from '../../auth/admin-access.js';
import type { AdminAccess } from '../../auth/admin-access.js';
import { allowedEverything } from '../../ports/admin-caller.js';
import type { AdminCaller } from '../../ports/admin-caller.js';
import { bodyReader } from '../body-reader.js';
import type { BodyLimits } from '../body-reader.js';
import type { ClientOrigin } from '../client-origin.js';
import { note } from '../request-notes.js';
import { sendBody } from '../response.js';
import { certificateNameOf } from '../server.js';
import { takesBody, wishOf } from './admin-request.js';
import { archiveIn } from './archive-upload.js';
import type { RepeatedRequests } from './repeated-requests.js';
import { Problem, sendProblem } from './problem-answer.js';
import { requireSameOrigin } from './same-origin.js';

export interface AdminRouteParts {
  readonly api: AdminApi;
  readonly access: AdminAccess;
  readonly repeated: RepeatedRequests;
  readonly origin: ClientOrigin;
  readonly bodies?: BodyLimits;
}

const BODY_BYTES = 256 * 1024;
const NO_STORE = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' };

/** The admin API: one route for each operation of src/api/operations.ts. */
export function adminRoutes(parts: AdminRouteParts): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.use((req, _res, next) => {
    requireSameOrigin(req, parts.origin);
    next();
  });
  const reader = bodyReader(
    json({ limit: BODY_BYTES, strict: false, type: 'application/json' }),
    parts.bodies,
  );
  const methods = new Map<string, string[]>();
  for (const id of Object.keys(OPERATIONS) as OperationId[]) {
    const operation: Operation = OPERATIONS[id];
    const path = operation.path.replaceAll(/\{(\w+)\}/g, ':$1');
    const method = operation.method.toLowerCase() as Lowercase<Operation['method']>;
    router[method](path, identified(parts, operation), ...handlersOf(parts, id, operation, reader));
    methods.set(pathShape(operation.path), [
      ...(methods.get(pathShape(operation.path)) ?? []),
      operation.method,
    ]);
  }
  for (const [shape, allowed] of methods) {
    router.all(shape, () => {
      const detail = `this path has ${allowed.join(' and ')} only`;
      const heads = allowed.includes('GET') ? ['HEAD'] : [];
      throw new Problem('wrong-method', detail, { Allow: [...allowed, ...heads].join(', ') });
    });
  }
  router.use(() => {
    throw new Problem('absent', 'no operation has this path; in names of repositories write %2F for /');
  });
  router.use(((error: unknown, req: Request, res: Response, _next: NextFunction) => {
    sendProblem(req, res, refusedBody(error) ?? error);
  }) satisfies ErrorRequestHandler);
  return router;
}

interface Locals {
  readonly caller: AdminCaller;
}

/** Express keeps what it knows of a request in `res.locals`. */
function callerOf(res: Response): AdminCaller {
  return (res.locals as Locals).caller;
}

/** Before a body is read. */
function identified({ access, origin }: AdminRouteParts, operation: Operation): RequestHandler {
  return async (req, res, next) => {
    const { authorization } = req.headers;
    const address = origin.addressOf(req);
    note(req, { client: address });
    const proof = { authorization, certificate: certificateNameOf(req), address, url: origin.urlOf(req) };
    const caller = operation.access === 'none' ? undefined : await access.identify(proof);
    if (caller === undefined && operation.access !== 'none') throw loginRequired();
    if (caller !== undefined) note(req, { account: caller.by });
    res.locals['caller'] = caller ?? { ...allowedEverything({ by: '' }), isAdmin: false };
    next();
  };
}

function handlersOf(
  { api, repeated }: AdminRouteParts,
  id: OperationId,
  operation: Operation,
  reader: RequestHandler,
): RequestHandler[] {
  if (operation.upload === true) {
    return [
      async (req, res) => {
        const archive = archiveIn(req, res);
        try {
          const wish = { ...wishOf(req, operation), archive, signal: signalOf(res) };
          await sendAnswer(req, res, operation, await api.call(id, wish, callerOf(res)));
        } finally {
          archive.destroy();
        }
      },
    ];
  }
  const takes = takesBody(operation);
  return [
    (req, res, next) => {
      // Who is refused anyway holds no place among those whose bodies are read.
      const isRefused = operation.access === 'admin' && !callerOf(res).isAdmin;
      if (takes && !isRefused) void reader(req, res, next);
      else next();
    },
    async (req, res) => {
      // Only what changes nothing is given up when nobody waits for it.
      const signal = operation.method === 'GET' ? signalOf(res) : undefined;
      const wish = { ...wishOf(req, operation), signal };
      const caller = callerOf(res);
      const ask = (): Promise<Answer<OperationId>> => api.call(id, wish, caller);
      const key = operation.repeatable === true ? req.get('Idempotency-Key') : undefined;
      const answer = key === undefined ? await ask() : await repeated.answer({ key, id, wish, caller }, ask);
      await sendAnswer(req, res, operation, answer);
    },
  ];
}

/** Aborted when the client goes away. */
function signalOf(res: Response): AbortSignal {
  const abort = new AbortController();
  res.once('close', () => abort.abort(new Error('the client went away')));
  return abort.signal;
}

async function sendAnswer(
  req: Request,
  res: Response,
  { status }: Operation,
  { value, version, download }: Answer<OperationId>,
): Promise<void> {
  res.set(NO_STORE).status(status);
  if (version !== undefined) res.set('ETag', `"${version}"`);
  if (download !== undefined) return sendDownload(req, res, download);
  const next = (value as { next?: string } | undefined)?.next;
  if (next !== undefined) res.set('Link', `<${nextPath(req, next)}>; rel="next"`);
  if (value === undefined) res.end();
  else res.json(value);
}

async function sendDownload(
  req: Request,
  res: Response,
  { contentType, size, body }: Download,
): Promise<void> {
  res.set('Content-Type', contentType);
  if (size !== undefined) res.set('Content-Length', String(size));
  res.flushHeaders();
  if (req.method === 'HEAD') {
    body.destroy();
    res.end();
    return;
  }
  await sendBody(res, body);
}

/** RFC 8288, as a path: it holds behind any proxy. */
function nextPath(req: Request, next: string): string {
  const { pathname, searchParams } = new URL(req.originalUrl, 'http://localhost');
  searchParams.set('after', next);
  return `${pathname}?${searchParams.toString()}`;
}

/** Operations of one path may name its parts differently. */
function pathShape(path: string): string {
  let parts = 0;
  return path.replaceAll(/\{\w+\}/g, () => `:part${(parts += 1)}`);
}

/** What express and its parsers throw for a path or body that is none of theirs. */
function refusedBody(error: unknown): Problem | undefined {
  if (!(error instanceof Error) || !('status' in error) || error instanceof Problem) return undefined;
  const { status, name, message } = error;
  if (name === 'RegistryError') return status === 408 ? new Problem('late', message) : undefined;
  if (status === 413) return new Problem('too-large', `a body has at most ${BODY_BYTES} bytes`);
  if (status === 415) return new Problem('wrong-media-type', message);
  return typeof status === 'number' && status < 500 ? new Problem('invalid-request', message) : undefined;
}
