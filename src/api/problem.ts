import { z } from 'zod';
import { named } from './shapes.js';

/** What may be wrong with a request of the admin API: each kind with its status. It only grows. */
export const PROBLEMS = {
  'invalid-request': { status: 400, title: 'The request is malformed' },
  'login-required': { status: 401, title: 'A login is needed' },
  'not-permitted': { status: 403, title: 'This is not permitted' },
  absent: { status: 404, title: 'There is no such thing' },
  'wrong-method': { status: 405, title: 'The path does not have this method' },
  late: { status: 408, title: 'The request did not come in time' },
  exists: { status: 409, title: 'There is one already' },
  conflict: { status: 409, title: 'The present state does not allow this' },
  stale: { status: 412, title: 'It was changed meanwhile' },
  'too-large': { status: 413, title: 'The request is too large' },
  'wrong-media-type': { status: 415, title: 'The body is of a wrong type' },
  'invalid-archive': { status: 422, title: 'The archive cannot be imported' },
  'key-used': { status: 422, title: 'The idempotency key was used for another request' },
  'version-required': { status: 428, title: 'If-Match is missing' },
  'too-many-requests': { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'The server failed' },
  unavailable: { status: 503, title: 'The server cannot do this now' },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

/** RFC 9457; `code` tells the kind. */
export const problemShape = named(
  'Problem',
  z.object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]),
    detail: z.string().describe('What is wrong and what to do, in one line.'),
  }),
);

export type ProblemBody = z.output<typeof problemShape>;

export const PROBLEM_TYPE = 'application/problem+json';
