import type { Readable } from 'node:stream';
import type { z } from 'zod';
import type { Operation } from '../api/operation.js';
import { OPERATIONS } from '../api/operations.js';
import type { OperationId, OperationInput, OperationResult } from '../api/operations.js';
import { parseRepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import type { AdminCaller } from '../ports/admin-caller.js';
import type { AuditTrail, AuditEvent } from '../ports/audit.js';
import { AdminError } from './admin-error.js';
import type { AdminServices } from './admin-services.js';
import { accessHandlers } from './handlers/access-handlers.js';
import { accountHandlers } from './handlers/account-handlers.js';
import type { AuditFacts, Call, Download, Handler, Handlers } from './handlers/handler.js';
import { repositoryHandlers } from './handlers/repository-handlers.js';
import { serverHandlers } from './handlers/server-handlers.js';

/** Characters of one fact in the audit trail. */
const MOST_FACT = 1000;

const HANDLERS: Handlers<OperationId> = {
  ...serverHandlers,
  ...accountHandlers,
  ...accessHandlers,
  ...repositoryHandlers,
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
  constructor(
    private readonly services: AdminServices,
    private readonly trail: AuditTrail,
  ) {}

  /**
   * What changes something is in the audit trail before this resolves; so is what was refused to a caller who is known.
   * @throws AdminError, InvalidValue, InvalidArchive, RegistryError, StorageError
   */
  async call<K extends OperationId>(id: K, wish: Wish, caller: AdminCaller): Promise<Answer<K>> {
    const operation: Operation = OPERATIONS[id];
    const handler: Handler<K> = HANDLERS[id];
    const call: Call<K> = { ...wishedInput<K>(operation, wish), ...without(wish), caller };
    try {
      await authorize(operation, call.params, caller);
      const answer = answerOf<K>(operation, await handler.run(this.services, call));
      if (handler.audit !== undefined) await this.record(handler, call, 'ok', answer.value);
      return answer;
    } catch (error) {
      if (isRefusal(error) && handler.audit !== undefined) await this.record(handler, call, 'denied');
      throw error;
    }
  }

  private async record<K extends OperationId>(
    { audit }: Handler<K>,
    call: Call<K>,
    outcome: AuditEvent['outcome'],
    value?: OperationResult<K>,
  ): Promise<void> {
    if (audit === undefined) return;
    const { by, token, from } = call.caller;
    await this.trail.record({
      action: audit.action,
      outcome,
      by,
      ...(token !== undefined && { token }),
      ...(from !== undefined && { from }),
      ...shortened(audit.facts(call, value)),
    });
  }
}

function without({ version, archive, signal }: Wish): Pick<Wish, 'version' | 'archive' | 'signal'> {
  return { version, archive, signal };
}

/** Before anything is looked up. @throws RegistryError DENIED; InvalidValue */
async function authorize(
  { access, summary }: Operation,
  { repository = '' }: Readonly<Record<string, string>>,
  caller: AdminCaller,
): Promise<void> {
  if (access === 'none' || access === 'known') return;
  if (access === 'admin') {
    if (caller.isAdmin) return;
    throw new RegistryError('DENIED', `only admins may do this (${lowered(summary)})`);
  }
  const name = parseRepositoryName(repository);
  for (const action of access) {
    if (!(await caller.may(action, name)))
      throw new RegistryError('DENIED', `you may not ${action} in ${name}; ask for a grant`);
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof RegistryError && (error.code === 'DENIED' || error.code === 'UNSUPPORTED');
}

/** @throws AdminError invalid */
function wishedInput<K extends OperationId>(
  { params, query, body }: Operation,
  wish: Wish,
): OperationInput<K> {
  return {
    params: parsed('the path', params, wish.params ?? {}),
    query: parsed('the query', query, wish.query ?? {}),
    body: parsed('the body', body, wish.body),
  } as OperationInput<K>;
}

function parsed(where: string, shape: z.ZodType, value: unknown): unknown {
  const result = shape.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue === undefined || issue.path.length === 0 ? where : `${issue.path.join('.')} in ${where}`;
  throw new AdminError('invalid', `${path}: ${issue?.message ?? 'it is malformed'}`);
}

/** Only what the operation promises leaves the server. */
function answerOf<K extends OperationId>(
  { download, versioned, result }: Operation,
  value: OperationResult<K> | Download,
): Answer<K> {
  if (download !== undefined) return { value: undefined as OperationResult<K>, download: value as Download };
  const version = versioned === undefined ? {} : { version: (value as { version: string }).version };
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
