import type { RequestHandler, Response } from 'express';
import { RegistryError } from '../errors/registry-error.js';
import { continueBody } from './request-body.js';

export interface BodyLimits {
  /** For the whole body. */
  readonly milliseconds: number;
  readonly atOnce: number;
}

const LIMITS: BodyLimits = { milliseconds: 10_000, atOnce: 64 };
/** What a sender may take to read an answer that came before the end of its body. */
const LINGER_MILLISECONDS = 1000;

/** Reads small bodies, a few at once and each within a time: senders that never end hold nothing for long. */
export function bodyReader(
  parse: RequestHandler,
  { milliseconds, atOnce }: BodyLimits = LIMITS,
): RequestHandler {
  let reading = 0;
  return (req, res, next) => {
    if (reading >= atOnce) {
      closeSoon(res);
      return next(tooMany());
    }
    reading += 1;
    let over = false;
    const end = (error?: unknown): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      reading -= 1;
      if (error !== undefined) closeSoon(res);
      next(error);
    };
    const late = new RegistryError('UNSUPPORTED', 'the body did not come in time', { status: 408 });
    const timer = setTimeout(end, milliseconds, late);
    continueBody(req, res);
    void parse(req, res, end);
  };
}

/** The rest of the body is not waited for. */
function closeSoon(res: Response): void {
  const timer = setTimeout(() => res.end(), LINGER_MILLISECONDS);
  res.once('close', () => clearTimeout(timer));
}

function tooMany(): RegistryError {
  const headers = { 'Retry-After': '1' };
  return new RegistryError('UNAVAILABLE', 'too many requests with bodies at once; try again', { headers });
}
