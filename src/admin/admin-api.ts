import type { Readable } from 'node:stream';
import type { z } from 'zod';
import { isVersionAnswered } from '../api/operation.js';
import type { Operation } from '../api/operation.js';
import { OPERATIONS } from '../api/operations.js';
import type { OperationId, OperationInput, OperationResult } from '../api/operations.js';
import { parseRepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import type { AdminCaller } from '../ports/admin-caller.js';
import type { Actor, AuditAction, AuditEvent, AuditTrail } from '../ports/audit.js';
import { AdminError } from './admin-error.js';
import type { AdminServices } from './admin-services.js';
import { NotRecorded } from './not-recorded.js';
import { problemOf } from './problem-of.js';
import { accessHandlers } from './handlers/access-handlers.js';
import { accountHandlers } from './handlers/account-handlers.js';
import type { AuditFacts, Call, Download, Handler, Handlers } from './handlers/handler.js';
import { mirrorHandlers } from './handlers/mirror-handlers.js';
import { repositoryHandlers } from './handlers/repository-handlers.js';
import { serverHandlers } from './handlers/server-handlers.js';

/** Characters of one fact in the audit trail. */
const MOST_FACT = 1000;
/** Of what is told of a malformed input. */
const MOST_FAULT = 300;

const HANDLERS: Handlers<OperationId> = {
  ...serverHandlers,
  ...accountHandlers,
  ...accessHandlers,
  ...repositoryHandlers,
  ...mirrorHandlers,
};

/** An operation as somebody asks for it, not yet examined. */
export interface Wish {
  readonly params?: unknown;
  readonly query?: unknown;
  readonly body?: unknown;
  /** The version that a change is to rest on; without it any. */
  readonly version?: string | undefined;
  readonly archive?: Readable | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Answer<K extends OperationId> {
  /** Undefined where the answer is a download, or where there is nothing to tell. */
  readonly value: OperationResult<K>;
  readonly version?: string;
  readonly download?: Download;
}

/** Every operation of the admin API, whether it is asked for by HTTP or by the command line. */
export class AdminApi {
  private readonly running = new Set<Promise<void>>();

  constructor(
    private readonly services: AdminServices,
    private readonly trail: AuditTrail,
  ) {}

  /**
   * What changes something is in the audit trail before this resolves; what was refused to a caller who is known is there
   * soon.
   * @throws AdminError, InvalidValue, InvalidArchive, RegistryError, StorageError; NotRecorded
   */
  call<K extends OperationId>(id: K, wish: Wish, caller: AdminCaller): Promise<Answer<K>> {
    const calling = this.answer(id, wish, caller);
    const settled = calling.then(
      () => undefined,
      () => undefined,
    );
    this.running.add(settled);
    void settled.then(() => this.running.delete(settled));
    return calling;
  }

  /** Resolves when no operation is under way. */
  async idle(): Promise<void> {
    await Promise.all(this.running);
  }

  private async answer<K extends OperationId>(id: K, wish: Wish, caller: AdminCaller): Promise<Answer<K>> {
    const operation: Operation = OPERATIONS[id];
    const handler: Handler<K> = HANDLERS[id];
    const params = parsed('the path', operation.params, wish.params ?? {}) as Readonly<
      Record<string, string>
    >;
    await this.authorize(operation, handler.audit?.action, params, caller);
    const call: Call<K> = { ...wishedInput<K>(operation, params, wish), ...without(wish), caller };
    let answer: Answer<K>;
    try {
      answer = answerOf<K>(operation, await handler.run(this.services, call));
    } catch (error) {
      await this.recordFailure(handler, call, error);
      throw error;
    }
    try {
      await this.record(handler, call, 'ok', answer.value);
    } catch (error) {
      throw new NotRecorded(error);
    }
    return answer;
  }

  /**
   * Before anything is looked up. Who may not is noted, with nothing but the repository: anybody with a login could fill
   * the store. @throws RegistryError DENIED; InvalidValue
   */
  private async authorize(
    operation: Operation,
    action: AuditAction | undefined,
    { repository }: Readonly<Record<string, string>>,
    caller: AdminCaller,
  ): Promise<void> {
    const missing = await missingRight(operation, repository, caller);
    if (missing === undefined) return;
    if (action !== undefined) {
      const place = repository === undefined ? {} : { repository };
      this.trail.note({ action, outcome: 'denied', ...actorIn(caller), ...place });
    }
    throw new RegistryError('DENIED', missing);
  }

  /** Of what failed on the way a part may be done; of what was refused for its input nothing is. */
  private async recordFailure<K extends OperationId>(
    handler: Handler<K>,
    call: Call<K>,
    error: unknown,
  ): Promise<void> {
    if (isRefusal(error)) return this.record(handler, call, 'denied');
    const { code } = problemOf(error);
    if (code !== 'internal' && code !== 'unavailable') return;
    // A store that does not take this either is what the error itself tells.
    await this.record(handler, call, 'failed').catch(() => undefined);
  }

  private async record<K extends OperationId>(
    { audit }: Handler<K>,
    call: Call<K>,
    outcome: AuditEvent['outcome'],
    value?: OperationResult<K>,
  ): Promise<void> {
    const facts = audit?.facts(call, value);
    if (audit === undefined || facts === undefined) return;
    await this.trail.record({
      action: audit.action,
      outcome,
      ...actorIn(call.caller),
      ...shortened(facts),
    });
  }
}

function without({ version, archive, signal }: Wish): Pick<Wish, 'version' | 'archive' | 'signal'> {
  return { version, archive, signal };
}

function actorIn({ by, token, from }: AdminCaller): Actor {
  return { by, ...(token !== undefined && { token }), ...(from !== undefined && { from }) };
}

/** Why the caller may not, and what to do; undefined where it may. @throws InvalidValue */
async function missingRight(
  { access, summary }: Operation,
  repository: string | undefined,
  caller: AdminCaller,
): Promise<string | undefined> {
  if (access === 'none' || access === 'known') return undefined;
  if (access === 'admin') return caller.isAdmin ? undefined : `only admins may do this (${lowered(summary)})`;
  const name = parseRepositoryName(repository ?? '');
  for (const action of access) {
    if (!(await caller.may(action, name))) return `you may not ${action} in ${name}; ask for a grant`;
  }
  return undefined;
}

function isRefusal(error: unknown): boolean {
  return error instanceof RegistryError && (error.code === 'DENIED' || error.code === 'UNSUPPORTED');
}

/** @throws AdminError invalid */
function wishedInput<K extends OperationId>(
  { query, body }: Operation,
  params: unknown,
  wish: Wish,
): OperationInput<K> {
  return {
    params,
    query: parsed('the query', query, wish.query ?? {}),
    body: parsed('the body', body, wish.body),
  } as OperationInput<K>;
}

function parsed(where: string, shape: z.ZodType, value: unknown): unknown {
  const result = shape.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue === undefined || issue.path.length === 0 ? where : `${issue.path.join('.')} in ${where}`;
  throw new AdminError('invalid', `${path}: ${(issue?.message ?? 'it is malformed').slice(0, MOST_FAULT)}`);
}

/** Only what the operation promises leaves the server. */
function answerOf<K extends OperationId>(
  operation: Operation,
  value: OperationResult<K> | Download,
): Answer<K> {
  const { download, result } = operation;
  if (download !== undefined) return { value: undefined as OperationResult<K>, download: value as Download };
  const version = !isVersionAnswered(operation) ? {} : { version: (value as { version: string }).version };
  return { value: result.parse(value) as OperationResult<K>, ...version };
}

/** What was refused may be of any length. */
function shortened(facts: AuditFacts): AuditFacts {
  return Object.fromEntries(
    Object.entries(facts).map(([name, text]) => [name, String(text).slice(0, MOST_FACT)]),
  );
}

function lowered(text: string): string {
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}
