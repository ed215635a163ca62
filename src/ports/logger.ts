export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** The least level that is written. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Writes one structured line. The fields are scrubbed of secrets before they are written. */
export type Log = (fields: object, message: string) => void;

/** The structured log. Writing never throws and never waits. */
export interface Logger {
  readonly debug: Log;
  readonly info: Log;
  readonly warn: Log;
  readonly error: Log;
  /** Resolves once all that was written has left the process, or can never leave it. */
  flush(): Promise<void>;
}
