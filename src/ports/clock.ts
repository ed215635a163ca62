/** The one source of time. Only composition/ makes a real one. */
export interface Clock {
  /** Milliseconds since 1970, UTC. */
  now(): number;
  /** Runs the callback every `milliseconds` until the returned function is called; never keeps the process up. */
  every(milliseconds: number, callback: () => void): () => void;
}
