/** Slow on purpose, and done off the event loop. */
export interface PasswordHasher {
  /** In bcrypt's text form. */
  hash(password: string): Promise<string>;
  /** False also for a text that is no hash. */
  matches(password: string, hash: string): Promise<boolean>;
}
