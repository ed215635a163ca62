/** What is wrong with a wish; `stale` is one that rests on what was changed meanwhile. */
export type AdminErrorKind = 'invalid' | 'absent' | 'exists' | 'conflict' | 'stale';

/** Why an administrator's wish cannot be done, in one line. */
export class AdminError extends Error {
  override readonly name = 'AdminError';

  constructor(
    readonly kind: AdminErrorKind,
    message: string,
    options: { cause?: unknown } = {},
  ) {
    super(message, options);
  }
}
