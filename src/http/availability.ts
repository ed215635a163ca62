import type { StorageError } from '../ports/storage-driver.js';
import { sendError, toRegistryError } from './error-handler.js';
import type { OciDispatcher } from './oci/dispatcher.js';
import { splitTarget } from './oci/path.js';

/** The registry API while there is a store to serve; until then each call is the error that keeps it away, unread. */
export function whileAvailable(current: () => OciDispatcher | StorageError): OciDispatcher {
  return (req, res, notes) => {
    const now = current();
    if (typeof now === 'function') return now(req, res, notes);
    if (splitTarget(req.url ?? '') === undefined) return undefined;
    notes.error = toRegistryError(now);
    sendError(req, res, notes.error);
    return Promise.resolve();
  };
}
