/** The one source of randomness. Only composition/ makes a real one. */
export interface Ids {
  /** 26 lower-case letters and digits, unguessable; fit for a segment set, a key id, a file name. */
  unique(): string;
  /** Cryptographically strong bytes. */
  secret(bytes: number): Buffer;
}
