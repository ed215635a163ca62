/** `too-large` for what a limit refuses, `malformed` for everything else. */
export type InvalidArchiveKind = 'malformed' | 'too-large';

const LONGEST_QUOTE = 100;

/** An archive that is not imported; the message is one line that tells why. */
export class InvalidArchive extends Error {
  override readonly name = 'InvalidArchive';
  constructor(
    readonly kind: InvalidArchiveKind,
    message: string,
    options: { readonly cause?: unknown } = {},
  ) {
    super(message, options);
  }
}

export function malformed(message: string, cause?: unknown): InvalidArchive {
  return new InvalidArchive('malformed', message, cause === undefined ? {} : { cause });
}

export function tooLarge(message: string): InvalidArchive {
  return new InvalidArchive('too-large', message);
}

/** Text of an archive for a message: on one line, cut where it is long. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text);
}
