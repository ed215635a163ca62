import { z } from 'zod';
import { AUDIT_ACTIONS } from '../ports/audit.js';
import { LOG_LEVELS } from '../ports/logger.js';
import { operation } from './operation.js';
import { count, digest, named, pageOf, paging, repositoryName, time } from './shapes.js';

const me = named(
  'Me',
  z.object({
    name: z.string().describe('Empty where nobody needs a login.'),
    admin: z.boolean(),
    token: z.string().optional().describe('The id of the access token that was used.'),
    version: z.string().describe("The server's."),
  }),
);

const readOnlyMode = named(
  'ReadOnlyMode',
  z.object({
    readOnly: z.boolean(),
    since: time().optional(),
    by: z.string().optional(),
    reason: z.string().optional(),
  }),
);

const level = z.enum(LOG_LEVELS);
const logLevel = named(
  'LogLevel',
  z.object({
    level,
    configured: z.boolean().describe('Whether it is that of the configuration, because none was set.'),
  }),
);

const event = named(
  'AuditEvent',
  z.object({
    at: time(),
    action: z.string().describe('Such as those that can be asked for; there may be more.'),
    outcome: z.enum(['ok', 'denied', 'failed']),
    by: z.string().describe('Who; empty for anonymous.'),
    token: z.string().optional().describe('The id of the access token that was used.'),
    from: z.string().optional().describe('IP address.'),
    repository: repositoryName().optional(),
    reference: z.string().optional(),
    digest: digest().optional(),
    target: z.string().optional(),
    detail: z.string().optional(),
    count: count().optional().describe('How often; absent for once.'),
  }),
);
const auditQuery = {
  from: time().optional().describe('Without it a day before `to`.'),
  to: time().optional().describe('Exclusive; without it now.'),
  by: z.string().max(300).optional(),
  repository: repositoryName().max(255).optional(),
  action: z.enum(AUDIT_ACTIONS).optional(),
};

export const serverOperations = {
  getApiDescription: operation({
    method: 'GET',
    path: '/openapi.json',
    summary: 'This document',
    access: 'none',
    download: 'application/json',
  }),
  whoAmI: operation({
    method: 'GET',
    path: '/me',
    summary: 'Who the caller is',
    access: 'known',
    result: me,
  }),
  getReadOnlyMode: operation({
    method: 'GET',
    path: '/read-only',
    summary: 'Whether the registry is read-only',
    access: 'admin',
    result: readOnlyMode,
  }),
  setReadOnlyMode: operation({
    method: 'PUT',
    path: '/read-only',
    summary:
      'Makes the registry read-only, or ends that; every server knows within 5 seconds, and the first reason stays',
    access: 'admin',
    body: named(
      'ReadOnlyWish',
      z.strictObject({
        readOnly: z.boolean(),
        reason: z
          .string()
          .max(200)
          .regex(/^[^\p{Cc}]*$/u, 'it is one line, without control characters')
          .optional()
          .describe('Told to whoever is refused.'),
      }),
    ),
    result: readOnlyMode,
  }),
  getLogLevel: operation({
    method: 'GET',
    path: '/log-level',
    summary: 'The least level that is written to the log',
    access: 'admin',
    result: logLevel,
  }),
  setLogLevel: operation({
    method: 'PUT',
    path: '/log-level',
    summary: 'Sets it until it is set otherwise; every server knows within 10 seconds',
    access: 'admin',
    body: named(
      'LogLevelWish',
      z.strictObject({ level: level.nullable().describe('Null for that of the configuration.') }),
    ),
    result: logLevel,
  }),
  listAuditEvents: operation({
    method: 'GET',
    path: '/audit',
    summary: 'What was done, in the order of time',
    access: 'admin',
    query: z.strictObject({ ...auditQuery, ...paging }),
    result: pageOf('AuditPage', event),
  }),
  exportAuditEvents: operation({
    method: 'GET',
    path: '/audit/export',
    summary: 'What was done, one JSON object a line',
    access: 'admin',
    query: z.strictObject(auditQuery),
    download: 'application/x-ndjson',
  }),
};
