/**
 * Why an upstream did not give what it was asked for: `absent` it has none (404); `denied` it does not give it to us
 * (401, 403); `limited` not now (429); `unavailable` it cannot be reached, is too slow or fails (5xx); `refused` we do
 * not follow where it leads (a foreign realm, a redirect to a private address); `dishonest` it gave something else
 * than it was asked for (a wrong digest, a body that is cut or does not end).
 */
export const UPSTREAM_FAILURES = [
  'absent',
  'denied',
  'limited',
  'unavailable',
  'refused',
  'dishonest',
] as const;

export type UpstreamFailure = (typeof UPSTREAM_FAILURES)[number];

/**
 * How much an error speaks of: the `upstream`; one `repository` of it; `elsewhere` a host that it led to; `nothing` of
 * them, for it was not asked.
 */
export type UpstreamErrorScope = 'upstream' | 'repository' | 'elsewhere' | 'nothing';

/** In one line that names the upstream, and never a secret. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  /** Seconds; of `limited` and `unavailable`. */
  readonly retryAfter: number;
  readonly about: UpstreamErrorScope;

  constructor(
    readonly failure: UpstreamFailure,
    message: string,
    options: {
      readonly cause?: unknown;
      readonly retryAfter?: number;
      readonly about?: UpstreamErrorScope | undefined;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.retryAfter = options.retryAfter ?? 5;
    this.about = options.about ?? 'upstream';
  }
}

/** No upstream is asked now; clients are told why. */
export class MirrorPaused extends UpstreamError {
  constructor(message: string) {
    super('unavailable', message);
  }
}

export function isUpstreamError(
  error: unknown,
  ...failures: readonly UpstreamFailure[]
): error is UpstreamError {
  return error instanceof UpstreamError && (failures.length === 0 || failures.includes(error.failure));
}
