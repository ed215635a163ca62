import type { IncomingMessage } from 'node:http';
import type { RequestNotes as RegistryNotes } from './oci/dispatcher.js';

/** What the request log tells of any request; of a login that failed also whose it was and where it came from. */
export interface RequestNotes extends RegistryNotes {
  account?: string;
  client?: string;
}

const MOST_ACCOUNT = 64;

const kept = new WeakMap<IncomingMessage, RequestNotes>();

/** To be called before a request is handed to the app. */
export function keepNotes(req: IncomingMessage, notes: RequestNotes): void {
  kept.set(req, notes);
}

/** Adds to what the log will tell of this request. */
export function note(req: IncomingMessage, more: RequestNotes): void {
  Object.assign(kept.get(req) ?? {}, more);
}

/** Without the password; a name that is too long for anybody is cut. */
export function noteFailedLogin(req: IncomingMessage, client: string, account: string | undefined): void {
  note(req, { client, ...(account !== undefined && { account: account.slice(0, MOST_ACCOUNT) }) });
}
