import { urlencoded } from 'express';
import type { RequestHandler } from 'express';
import { bodyReader } from '../body-reader.js';
import type { BodyLimits } from '../body-reader.js';

const FORM_BYTES = 64 * 1024;

/** Reads forms into `body`. */
export function formReader(limits?: BodyLimits): RequestHandler {
  return bodyReader(urlencoded({ extended: false, limit: FORM_BYTES, parameterLimit: 200 }), limits);
}
