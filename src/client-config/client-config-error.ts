/** A setup, or a file that is there already, cannot be meant so. One line: the member or file, the cause, the fix. */
export class ClientConfigError extends Error {
  override readonly name = 'ClientConfigError';

  constructor(
    /** A member of the setup, such as `mirrors[0].upstream`, or the path of a file. */
    readonly subject: string,
    readonly reason: string,
  ) {
    super(`${subject}: ${reason}`);
  }
}

/** @throws ClientConfigError */
export function refuse(subject: string, reason: string): never {
  throw new ClientConfigError(subject, reason);
}
