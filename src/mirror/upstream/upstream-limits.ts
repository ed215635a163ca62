/** Of one upstream; times in milliseconds. */
export interface UpstreamLimits {
  readonly connectTimeout: number;
  /** For the head of an answer, once connected; thrice that for a question in all, with its redirects and token. */
  readonly answerTimeout: number;
  /** For each silence of a body that is being read. */
  readonly idleTimeout: number;
  /** At once; whoever finds none free waits at most `answerTimeout`. */
  readonly maxConnections: number;
  readonly circuit: CircuitLimits;
}

export interface CircuitLimits {
  /** In a row, after which the upstream is left alone. */
  readonly failures: number;
  /** For the first time; doubled each time until an answer arrived whole. */
  readonly leastWait: number;
  readonly mostWait: number;
}

export const UPSTREAM_LIMITS: UpstreamLimits = {
  connectTimeout: 10_000,
  answerTimeout: 30_000,
  idleTimeout: 60_000,
  maxConnections: 64,
  circuit: { failures: 5, leastWait: 1000, mostWait: 60_000 },
};
