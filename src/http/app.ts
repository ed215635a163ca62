import express from 'express';
import type { Express, NextFunction, Request, RequestHandler, Response } from 'express';
import { API_PREFIX } from '../api/operations.js';
import { RegistryError } from '../errors/registry-error.js';
import { sendError, toRegistryError } from './error-handler.js';
import type { OciDispatcher } from './oci/dispatcher.js';
import { healthRoutes } from './ops/health.js';
import type { Readiness } from './ops/health.js';
import { note } from './request-notes.js';

export interface AppParts {
  readonly oci: OciDispatcher;
  readonly readiness: Readiness;
  /** Logins; without it nobody needs one. */
  readonly tokens?: RequestHandler;
  readonly admin?: RequestHandler;
}

/** The whole server as an Express app: the registry API, by the same function as the front, and operations. */
export function createApp({ oci, readiness, tokens, admin }: AppParts): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.use((req: Request, res: Response, next: NextFunction) => {
    const answer = oci(req, res, {});
    if (answer === undefined) next();
    else answer.catch(next);
  });
  app.use((_req: Request, res: Response, next: NextFunction) => {
    res.set('X-Content-Type-Options', 'nosniff');
    next();
  });
  app.use(healthRoutes(readiness));
  if (tokens !== undefined) app.use(tokens);
  if (admin !== undefined) app.use(API_PREFIX, admin);
  app.use((req: Request, res: Response) => {
    answerError(req, res, new RegistryError('UNSUPPORTED', 'there is nothing at this path', { status: 404 }));
  });
  app.use((error: unknown, req: Request, res: Response, _next: NextFunction) => {
    answerError(req, res, refusedBody(error) ?? toRegistryError(error));
  });
  return app;
}

function answerError(req: Request, res: Response, error: RegistryError): void {
  note(req, { error });
  sendError(req, res, error);
}

/** What express's body parsers throw for a body that is none of theirs. */
function refusedBody(error: unknown): RegistryError | undefined {
  if (!(error instanceof Error) || !('status' in error) || !('expose' in error)) return undefined;
  const { status, expose, message } = error;
  if (expose !== true || typeof status !== 'number') return undefined;
  return new RegistryError('UNSUPPORTED', message, { status, cause: error });
}
