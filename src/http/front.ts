import type { IncomingMessage, ServerResponse } from 'node:http';
import { RegistryError } from '../errors/registry-error.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { RequestScope } from '../ports/request-scope.js';
import { sendError } from './error-handler.js';
import type { OciDispatcher } from './oci/dispatcher.js';
import { isTransfer } from './oci/path.js';
import { closeWithConnection } from './pipelining.js';
import { keepNotes } from './request-notes.js';
import type { RequestNotes } from './request-notes.js';
import { RequestSlots } from './request-slots.js';

export interface FrontParts {
  readonly oci: OciDispatcher;
  /** Answers what is not the registry API. */
  readonly app: (req: IncomingMessage, res: ServerResponse) => void;
  readonly log: Logger;
  readonly clock: Clock;
  readonly telemetry: RequestScope;
  /** Requests handled at once; as many more wait. */
  readonly maxInFlight: number;
  /** Milliseconds that a request may wait. */
  readonly patience: number;
}

/** What is asked of a server that is full, too. */
const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz']);

/** The listener of the server: the registry API first, without a framework's cost, then the app. */
export class Front {
  private readonly slots: RequestSlots;
  private count = 0;
  private draining = false;
  /** Handlers at work; one may outlive its connection, to record what came of an upload. */
  private handling = 0;
  private whenIdle: () => void = () => undefined;

  constructor(
    private readonly parts: FrontParts,
    /** Begins every request id of this process. */
    private readonly processId: string,
  ) {
    this.slots = new RequestSlots(parts.maxInFlight, parts.patience);
  }

  /** From now on every answer ends its connection. */
  drain(): void {
    this.draining = true;
  }

  /** Answers 503 to all that wait; how many did. */
  refuseWaiting(): number {
    return this.slots.refuseWaiting();
  }

  /** Resolves once no handler is at work, or after `limit` milliseconds. */
  async idle(limit: number): Promise<void> {
    if (this.handling === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, limit);
      this.whenIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  readonly handle = (req: IncomingMessage, res: ServerResponse): void => {
    const { clock, telemetry } = this.parts;
    const startedAt = clock.now();
    const notes: RequestNotes = {};
    const storage = { requests: 0 };
    const socketBytes = req.socket.bytesWritten;
    closeWithConnection(req, res);
    res.once('close', () => {
      turn?.leave();
      this.logRequest(
        req,
        res,
        notes,
        clock.now() - startedAt,
        storage.requests,
        req.socket.bytesWritten - socketBytes,
      );
    });
    const begin = (): void => telemetry.run(storage, () => this.answer(req, res, notes));
    const refuse = (): void => {
      this.endWhereDraining(res);
      const headers = { 'Retry-After': '1' };
      notes.error = new RegistryError('UNAVAILABLE', 'too many requests in flight; try again', { headers });
      sendError(req, res, notes.error);
    };
    const turn = PROBES.has(req.url ?? '')
      ? begin()
      : this.slots.enter({ transfer: isTransfer(req.method ?? '', req.url ?? ''), begin, refuse });
  };

  private answer(req: IncomingMessage, res: ServerResponse, notes: RequestNotes): void {
    const { oci, app } = this.parts;
    this.endWhereDraining(res);
    const answer = oci(req, res, notes);
    if (answer !== undefined) {
      this.handling += 1;
      answer.then(this.handled, this.handled);
      return;
    }
    keepNotes(req, notes);
    app(req, res);
  }

  private endWhereDraining(res: ServerResponse): void {
    if (this.draining) res.shouldKeepAlive = false;
  }

  private readonly handled = (): void => {
    this.handling -= 1;
    if (this.handling === 0) this.whenIdle();
  };

  private logRequest(
    req: IncomingMessage,
    res: ServerResponse,
    notes: RequestNotes,
    milliseconds: number,
    storageRequests: number,
    bytes: number,
  ): void {
    const { error, repository, account, client } = notes;
    const status = res.headersSent ? res.statusCode : 499;
    const fields = {
      id: `${this.processId}-${(this.count += 1).toString(36)}`,
      method: req.method,
      path: pathOf(req),
      ...(repository !== undefined && { repository }),
      ...(account !== undefined && { account }),
      ...(client !== undefined && { client }),
      status,
      bytes,
      ms: milliseconds,
      storageRequests,
      ...(!res.writableFinished && { aborted: true }),
      ...(error !== undefined && { code: error.code, reason: reasonOf(error) }),
    };
    if (status >= 500 && status !== 503) this.parts.log.error(fields, 'request');
    else this.parts.log.info(fields, 'request');
  }
}

/** Without the query and without an upload's id, which lets its holder write. */
function pathOf(req: IncomingMessage): string {
  const [path = ''] = (req.url ?? '').split('?', 1);
  return path.replace(/(\/blobs\/uploads\/[^./%]+)[.%].*$/, '$1');
}

function reasonOf(error: RegistryError): string {
  const { cause, message } = error;
  return cause instanceof Error && cause.message !== message ? `${message}: ${cause.message}` : message;
}
