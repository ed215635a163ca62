import type { Readable } from 'node:stream';
import type { OperationId, OperationInput, OperationResult } from '../../api/operations.js';
import type { AdminCaller } from '../../ports/admin-caller.js';
import type { AuditAction, AuditEvent } from '../../ports/audit.js';
import type { AdminServices } from '../admin-services.js';

/** One operation as it is asked for. */
export interface Call<K extends OperationId> extends OperationInput<K> {
  readonly caller: AdminCaller;
  /** The version that a change is to rest on; without it any. */
  readonly version?: string | undefined;
  /** The file of an upload. */
  readonly archive?: Readable | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An answer that is no JSON. */
export interface Download {
  readonly contentType: string;
  /** Bytes, where they are known. */
  readonly size?: number | undefined;
  readonly body: Readable;
}

/** What the audit tells of an operation. */
export type AuditFacts = Pick<AuditEvent, 'repository' | 'reference' | 'digest' | 'target' | 'detail'>;

export interface Handler<K extends OperationId> {
  /** The result, with `version` where the operation answers one; else a download. */
  readonly run: (services: AdminServices, call: Call<K>) => Promise<OperationResult<K> | Download>;
  /** What changes something is written down; `value` is absent where it was refused. */
  readonly audit?: {
    readonly action: AuditAction;
    /** Undefined where nothing was changed. */
    readonly facts: (call: Call<K>, value: OperationResult<K> | undefined) => AuditFacts | undefined;
  };
}

export type Handlers<K extends OperationId> = { readonly [I in K]: Handler<I> };
