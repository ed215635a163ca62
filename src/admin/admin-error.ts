/** What is wrong with a wish: it is malformed, of something absent, of something that exists, or not permitted now. */
export type AdminErrorKind = 'invalid' | 'absent' | 'exists' | 'conflict';

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
