/** What the command ends with; `denied` is the answer of `policy explain`. */
export const EXIT = { ok: 0, failure: 1, usage: 2, denied: 3 } as const;

/** The command line cannot be meant so; in one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Ends a command that has said all it had to say. */
export class QuietExit extends Error {
  override readonly name = 'QuietExit';
  constructor(readonly code: (typeof EXIT)[keyof typeof EXIT]) {
    super(`exit code ${code}`);
  }
}
