import { AsyncLocalStorage } from 'node:async_hooks';
import type { RequestCount, RequestScope } from '../ports/request-scope.js';
import type { StorageTelemetry } from '../ports/telemetry.js';

/** One for all servers of a process: each one that was ever used costs every promise of the process a step. */
const current = new AsyncLocalStorage<RequestCount>();

/** Counts storage requests for the HTTP request in whose course they are made. */
export function createTelemetry(): RequestScope & StorageTelemetry {
  return {
    run: (count, work) => current.run(count, work),
    storageRequest() {
      const count = current.getStore();
      if (count !== undefined) count.requests += 1;
    },
  };
}
