/** What kind of text was refused; the HTTP layer maps each to one error code. */
export type InvalidKind =
  | 'digest'
  | 'algorithm'
  | 'repository'
  | 'tag'
  | 'content-range'
  | 'page-size'
  | 'manifest'
  | 'pattern'
  | 'action'
  | 'principal'
  | 'cursor';

/** Thrown by the parsers of this folder for text that is not a value of theirs. */
export class InvalidValue extends Error {
  override readonly name = 'InvalidValue';
  constructor(
    readonly kind: InvalidKind,
    message: string,
  ) {
    super(message);
  }
}
