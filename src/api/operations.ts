import type { z } from 'zod';
import { accessOperations } from './access-operations.js';
import { accountOperations } from './account-operations.js';
import { mirrorOperations } from './mirror-operations.js';
import { repositoryOperations } from './repository-operations.js';
import { serverOperations } from './server-operations.js';

/** Every operation of the admin API by its id. It only grows within /admin/v1. */
export const OPERATIONS = {
  ...serverOperations,
  ...accountOperations,
  ...accessOperations,
  ...repositoryOperations,
  ...mirrorOperations,
};

export const API_PREFIX = '/admin/v1';

export type OperationId = keyof typeof OPERATIONS;

type Part<K extends OperationId, N extends 'params' | 'query' | 'body' | 'result'> = z.output<
  (typeof OPERATIONS)[K][N]
>;

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** What an operation is asked. */
export interface OperationInput<K extends OperationId> {
  readonly params: DeepReadonly<Part<K, 'params'>>;
  readonly query: DeepReadonly<Part<K, 'query'>>;
  readonly body: DeepReadonly<Part<K, 'body'>>;
}

export type OperationResult<K extends OperationId> = DeepReadonly<Part<K, 'result'>>;
