import type { Operation } from './generator/jobs.js';
import type { Account } from './process-tree.js';

export type SubjectName = 'ours' | 'peer' | 'ceiling' | 'bare' | 'upstream';

/** Where a load is aimed at. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** What is measured. */
export interface Subject {
  /** Whatever is pushed to one subject of a name can be pulled from all of that name. */
  readonly name: SubjectName;
  readonly target: Target;
  readonly origin: string;
  /** What it mirrors: whatever is to be pulled from it is pushed there. */
  readonly source?: Subject | undefined;
  /** The operations on a registry as this subject is asked for them; some may have no equal here and be left out. */
  asked(operations: readonly Operation[]): readonly Operation[];
  restart(): Promise<void>;
  /** Throws when it has ended: a figure from a dead server must never be printed. */
  account(): Promise<Account>;
  resetPeak(): Promise<void>;
  /** Takes blobs and a repository away that nothing will ask for again. */
  discard(repository: string, digests: readonly string[]): Promise<void>;
}
