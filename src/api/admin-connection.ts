import type { Readable } from 'node:stream';
import type { OperationId, OperationInput, OperationResult } from './operations.js';
import type { ProblemCode } from './problem.js';

/** What is given of an operation's input. */
export type Given<K extends OperationId> = Partial<OperationInput<K>> & {
  /** The version that a change is to rest on; without it any. */
  readonly version?: string | undefined;
};

/** An archive to import, read once. */
export interface ArchiveSource {
  /** Bytes, where they are known. */
  readonly size?: number | undefined;
  readonly body: Readable;
  /** Aborted where it is to be taken no further: what was stored of it is removed. */
  readonly signal?: AbortSignal | undefined;
}

/** The admin API of a store that is at hand, or of a server. Every method @throws ApiProblem. */
export interface AdminConnection {
  /** Where it leads, for people. */
  readonly name: string;
  call<K extends OperationId>(
    id: K,
    given?: Given<K>,
  ): Promise<{ readonly value: OperationResult<K>; readonly version?: string | undefined }>;
  upload(
    id: 'importArchive',
    given: Given<'importArchive'>,
    archive: ArchiveSource,
  ): Promise<OperationResult<'importArchive'>>;
  download<K extends 'exportArchive' | 'exportAuditEvents'>(
    id: K,
    given: Given<K>,
  ): Promise<{ readonly size?: number | undefined; readonly body: Readable }>;
  close(): Promise<void>;
}

/** Why an operation was not done, in one line. `unreachable` is a server that does not answer. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';

  constructor(
    readonly code: ProblemCode | 'unreachable',
    message: string,
    options: { cause?: unknown } = {},
  ) {
    super(message, options);
  }
}
