/** A test of the official suite that may end as skipped, by the end of its name, and why. */
export interface AllowedSkip {
  readonly test: string;
  readonly reason: string;
}

/** Empty is the aim: every optional feature of the specification is on, so each skip is a feature that is missing. */
export const ALLOWED_SKIPS: readonly AllowedSkip[] = [];
