import { z } from 'zod';
import type { Action } from '../domain/scope.js';
import type { ProblemCode } from './problem.js';

/**
 * Who may call: everybody, whoever logged in, admins, or whoever may do all these in the repository that the path
 * names.
 */
export type OperationAccess = 'none' | 'known' | 'admin' | readonly Action[];

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One operation of the admin API: all that server, client and OpenAPI document know of it. */
export interface Operation<
  P extends z.ZodType = z.ZodType,
  Q extends z.ZodType = z.ZodType,
  B extends z.ZodType = z.ZodType,
  R extends z.ZodType = z.ZodType,
> {
  readonly method: Method;
  /** Below /admin/v1; `{name}` stands for one segment, in which `/` is written `%2F`. */
  readonly path: string;
  readonly summary: string;
  readonly access: OperationAccess;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** Of success. */
  readonly status: 200 | 201 | 204;
  readonly result: R;
  /** Answers with an ETag, which `If-Match` of a change must name, or of a removal may (RFC 9110 §13.1.1). */
  readonly versioned?: 'answers' | 'requires' | 'compares';
  /** A request that is sent again with the same `Idempotency-Key` gets the answer of the first. */
  readonly repeatable?: true;
  /** The media type of an answer that is no JSON. */
  readonly download?: string;
  /** The body is the file `archive` of a form (RFC 7578). */
  readonly upload?: true;
  /** What may be wrong beside what its other members imply. */
  readonly problems: readonly ProblemCode[];
}

/** Whether a success has an ETag. */
export function isVersionAnswered({ versioned }: Pick<Operation, 'versioned'>): boolean {
  return versioned === 'answers' || versioned === 'requires';
}

export const NOTHING = z.strictObject({});
export const NO_BODY = z.undefined();

type Given<P, Q, B, R> = Pick<Operation, 'method' | 'path' | 'summary' | 'access'> &
  Partial<Pick<Operation, 'versioned' | 'repeatable' | 'download' | 'upload' | 'status' | 'problems'>> & {
    readonly params?: P;
    readonly query?: Q;
    readonly body?: B;
    readonly result?: R;
  };

/** Fills in what an operation does without: it then has no parameters, no body and answers 204. */
export function operation<
  P extends z.ZodType = typeof NOTHING,
  Q extends z.ZodType = typeof NOTHING,
  B extends z.ZodType = typeof NO_BODY,
  R extends z.ZodType = typeof NO_BODY,
>(given: Given<P, Q, B, R>): Operation<P, Q, B, R> {
  const answers = given.result !== undefined || given.download !== undefined;
  return {
    status: answers ? 200 : 204,
    problems: [],
    ...given,
    params: given.params ?? (NOTHING as unknown as P),
    query: given.query ?? (NOTHING as unknown as Q),
    body: given.body ?? (NO_BODY as unknown as B),
    result: given.result ?? (NO_BODY as unknown as R),
  };
}
