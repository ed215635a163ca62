import { Readable } from 'node:stream';
import { openApiDocument } from '../../api/openapi.js';
import type { serverOperations } from '../../api/server-operations.js';
import type { AuditAction, AuditQuery } from '../../ports/audit.js';
import { parseRepositoryName } from '../../domain/repository-name.js';
import { AdminError } from '../admin-error.js';
import type { AdminServices } from '../admin-services.js';
import type { Handlers } from './handler.js';
import { pageRequest } from './paging.js';

const DAY = 24 * 60 * 60 * 1000;
const AT_ONCE = 256;

export const serverHandlers: Handlers<keyof typeof serverOperations> = {
  getApiDescription: {
    run: async ({ version }) => {
      const text = descriptionOf(version);
      return { contentType: 'application/json', size: text.byteLength, body: Readable.from([text]) };
    },
  },
  whoAmI: {
    run: async ({ version }, { caller: { by, isAdmin, token } }) => ({
      name: by,
      admin: isAdmin,
      ...(token !== undefined && { token }),
      version,
    }),
  },
  getReadOnlyMode: { run: (services) => readOnlyMode(services) },
  setReadOnlyMode: {
    run: async (services, { body: { readOnly, reason }, caller }) => {
      if (readOnly) await services.readOnly.set({ by: caller.by, ...(reason !== undefined && { reason }) });
      else await services.readOnly.clear();
      return readOnlyMode(services);
    },
    audit: {
      action: 'read-only.set',
      facts: ({ body: { readOnly, reason } }) => ({
        target: readOnly ? 'on' : 'off',
        ...(reason !== undefined && { detail: reason }),
      }),
    },
  },
  getLogLevel: { run: ({ logLevel }) => logLevel.read() },
  setLogLevel: {
    run: async ({ logLevel }, { body }) => {
      await logLevel.set(body.level);
      return logLevel.read();
    },
    audit: {
      action: 'log-level.set',
      facts: ({ body }) => ({ target: body.level ?? 'as configured' }),
    },
  },
  listAuditEvents: {
    run: ({ audit, clock }, { query }) => {
      const { limit, last: after } = pageRequest(query);
      return audit.page(auditQuery(query, clock.now()), { limit, ...(after !== undefined && { after }) });
    },
  },
  exportAuditEvents: {
    run: async ({ audit, clock }, { query }) => {
      const lines = linesOf(audit.events(auditQuery(query, clock.now())));
      return { contentType: 'application/x-ndjson', body: Readable.from(lines, { objectMode: false }) };
    },
  },
};

let description: { readonly version: string; readonly text: Buffer } | undefined;

/** Made once: anybody may ask. */
function descriptionOf(version: string): Buffer {
  if (description?.version !== version)
    description = { version, text: Buffer.from(JSON.stringify(openApiDocument(version))) };
  return description.text;
}

async function readOnlyMode({ readOnly }: AdminServices): Promise<{ readOnly: boolean }> {
  const state = await readOnly.state();
  return state === undefined ? { readOnly: false } : { readOnly: true, ...state };
}

interface GivenQuery {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly by?: string | undefined;
  readonly repository?: string | undefined;
  readonly action?: AuditAction | undefined;
}

/** @throws AdminError, InvalidValue */
function auditQuery({ from, to, by, repository, action }: GivenQuery, now: number): AuditQuery {
  const end = to === undefined ? now + 1 : Date.parse(to);
  const start = from === undefined ? end - DAY : Date.parse(from);
  if (start >= end) throw new AdminError('invalid', 'from is not before to');
  return {
    from: start,
    to: end,
    ...(by !== undefined && { by }),
    ...(repository !== undefined && { repository: parseRepositoryName(repository) }),
    ...(action !== undefined && { action }),
  };
}

async function* linesOf(events: AsyncIterable<object>): AsyncGenerator<Buffer> {
  let lines: string[] = [];
  for await (const event of events) {
    lines.push(`${JSON.stringify(event)}\n`);
    if (lines.length < AT_ONCE) continue;
    yield Buffer.from(lines.join(''));
    lines = [];
  }
  if (lines.length > 0) yield Buffer.from(lines.join(''));
}
