import type { IncomingMessage } from 'node:http';
import { toRegistryError } from '../error-handler.js';
import type { AuditAction, AuditEvent, AuditTrail, NewAuditEvent } from '../../ports/audit.js';
import { StorageError } from '../../ports/storage-driver.js';
import type { OciCall } from './call.js';

type Handler = (call: OciCall) => Promise<void> | void;
type Draft = { -readonly [Name in keyof NewAuditEvent]: NewAuditEvent[Name] };

/** Recorded before they are answered, whatever comes of them. */
const DELETIONS: ReadonlySet<AuditAction> = new Set(['manifest.delete', 'blob.delete']);
/** Answers by which a client has what it asked for, or where to get it. */
const GIVEN: ReadonlySet<number> = new Set([200, 201, 206, 307]);
/** No reference that names anything is longer. */
const MOST_REFERENCE = 256;

/** Tells the audit trail of requests of the registry API that were let in. */
export class RequestAudit {
  constructor(
    private readonly trail: AuditTrail,
    private readonly addressOf: (request: IncomingMessage) => string,
  ) {}

  /** Handles the request as the handler does. @throws also StorageError: what must be recorded could not be */
  async handle(action: AuditAction, handler: Handler, call: OciCall): Promise<void> {
    if (DELETIONS.has(action)) return this.handleDeletion(actionOn(action, call.target), handler, call);
    if (this.trail.isStrict(call.name)) {
      await this.trail.record(this.eventOf(action, 'ok', call));
      return handler(call);
    }
    try {
      await handler(call);
    } finally {
      // Of a body that was cut off somebody has the beginning.
      const { headersSent, statusCode } = call.res;
      if (headersSent && GIVEN.has(statusCode)) this.trail.note(this.eventOf(action, 'ok', call));
    }
  }

  private async handleDeletion(action: AuditAction, handler: Handler, call: OciCall): Promise<void> {
    let done = false;
    call.beforeAnswer = () => {
      done = true;
      return this.trail.record(this.eventOf(action, 'ok', call));
    };
    try {
      await handler(call);
    } catch (thrown) {
      if (!done) await this.recordFailure(action, call, thrown);
      throw thrown;
    }
  }

  private async recordFailure(action: AuditAction, call: OciCall, thrown: unknown): Promise<void> {
    const { code, message } = toRegistryError(thrown);
    const outcome = code === 'DENIED' ? 'denied' : 'failed';
    try {
      await this.trail.record({ ...this.eventOf(action, outcome, call), detail: code });
    } catch (error) {
      const reason = `${(error as Error).message}; not recorded is a deletion that failed: ${message}`;
      throw new StorageError('UNAVAILABLE', reason, { cause: thrown });
    }
  }

  private eventOf(action: AuditAction, outcome: AuditEvent['outcome'], call: OciCall): NewAuditEvent {
    const { subject, token } = call.caller;
    const event: Draft = { action, outcome, by: subject, from: this.addressOf(call.req) };
    if (token !== undefined) event.token = token;
    event.repository = call.name;
    event.reference = call.target.slice(0, MOST_REFERENCE);
    const digest = call.digest ?? digestIn(event.reference);
    if (digest !== undefined) event.digest = digest;
    return event;
  }
}

/** A manifest is deleted by its digest; what has a tag for it loses only that. */
function actionOn(action: AuditAction, target: string): AuditAction {
  return action === 'manifest.delete' && digestIn(target) === undefined ? 'tag.delete' : action;
}

function digestIn(reference: string): string | undefined {
  return reference.includes(':') ? reference : undefined;
}
