import type { Load, Operation } from './generator/jobs.js';
import type { LoadGenerator } from './generator/load-generator.js';
import type { Options } from './options.js';
import type { Fixtures } from './fixtures.js';
import type { Subject } from './subject.js';

/** What a scenario is given for one measurement. */
export interface Stage {
  readonly subject: Subject;
  readonly generator: LoadGenerator;
  readonly fixtures: Fixtures;
  readonly options: Options;
  /** For the files that wrk reads. */
  readonly scratch: string;
  /** The first measurement of this scenario on this subject: verify everything, warm up longer. */
  readonly first: boolean;
  /** Against the ceiling server, which holds no data and answers every request alike. */
  readonly ceiling: boolean;
}

/** A measurement with everything untimed behind it. */
export interface Ready {
  /** The timed part, nothing else. */
  run(): Promise<Load>;
  /** Takes away what it pushed. */
  clean?(): Promise<void>;
}

export interface Scenario {
  readonly name: string;
  /** What CPU is counted by, and whether the rate is operations or bytes. */
  readonly unit: 'operation' | 'GiB';
  /** Of servers that send their clients to the storage for blobs. */
  readonly redirected?: true;
  /** No request to the bare storage does the same. */
  readonly noBare?: true;
  /** Lengths the ceiling server answers with: blobs, and everything else. */
  readonly ceiling: { readonly blob: number; readonly other: number };
  ready(stage: Stage): Promise<Ready>;
}

export const MiB = 1024 * 1024;
export const GiB = 1024 * MiB;

/** A closed loop of the operations, as the stage's subject is asked for them. */
export async function load(
  { subject, generator, ceiling }: Stage,
  lanes: number,
  operations: readonly Operation[],
): Promise<Load> {
  const { target } = subject;
  return generator.run({ target, lanes, operations: subject.asked(operations), lenient: ceiling });
}

/** Throws when a load that must be right (data set-up, verification) was not. */
export function mustBeRight(load: Load, what: string): void {
  if (load.errors > 0) throw new Error(`${what}: ${load.errors} errors: ${load.errorSamples.join('; ')}`);
}
