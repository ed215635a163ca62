import type { ApiProblem } from '../api/admin-connection.js';

/** What the command ends with, by kind of failure. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  /** Also the answer of a `policy explain` that denies. */
  denied: 3,
  absent: 4,
  conflict: 5,
  login: 6,
  unavailable: 7,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** As help and documentation tell them. */
export const EXIT_MEANINGS: Readonly<Record<ExitCode, string>> = {
  0: 'done',
  1: 'failure',
  2: 'wrong usage, configuration or value',
  3: 'not permitted; also a `policy explain` that denies',
  4: 'there is no such thing',
  5: 'there is one already, or it was changed meanwhile, or its state does not allow this',
  6: 'a login is needed, or was refused',
  7: 'the server is unavailable or unreachable, or wants fewer requests',
};

const OF_PROBLEMS: Readonly<Partial<Record<ApiProblem['code'], ExitCode>>> = {
  'invalid-request': EXIT.usage,
  'not-permitted': EXIT.denied,
  absent: EXIT.absent,
  exists: EXIT.conflict,
  conflict: EXIT.conflict,
  stale: EXIT.conflict,
  'key-used': EXIT.conflict,
  'login-required': EXIT.login,
  'too-many-requests': EXIT.unavailable,
  late: EXIT.unavailable,
  unavailable: EXIT.unavailable,
  unreachable: EXIT.unavailable,
};

export function exitCodeOf({ code }: ApiProblem): ExitCode {
  return OF_PROBLEMS[code] ?? EXIT.failure;
}

/** The command line cannot be meant so; in one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;

/** A signal ended the command; it exits as shells tell that. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';

  constructor(private readonly signal: keyof typeof SIGNALS) {
    super(`ended by ${signal}`);
  }

  get code(): number {
    return 128 + SIGNALS[this.signal];
  }
}

/** Ends a command that has said all it had to say. */
export class QuietExit extends Error {
  override readonly name = 'QuietExit';
  constructor(readonly code: ExitCode) {
    super(`exit code ${code}`);
  }
}
