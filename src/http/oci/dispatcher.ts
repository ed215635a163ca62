import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseRepositoryName } from '../../domain/repository-name.js';
import type { RepositoryName } from '../../domain/repository-name.js';
import { RegistryError } from '../../errors/registry-error.js';
import type { LocatedRepository } from '../../mirror/namespaces.js';
import type { AccessController, AccessNeeds } from '../../ports/access.js';
import type { ServedRegistry } from '../../registry/registry.js';
import { sendError, toRegistryError } from '../error-handler.js';
import { BufferBudget } from '../buffer-budget.js';
import { OciCall } from './call.js';
import type { OciOptions } from './call.js';
import { parseOciPath, splitTarget } from './path.js';
import type { OciPath, Shape } from './path.js';
import type { RequestAudit } from './request-audit.js';
import { ROUTES, scopesOf } from './routes.js';
import { sourceName } from './uploads.js';
import type { Route } from './routes.js';

/** What the request log tells of a request of the registry API. */
export interface RequestNotes {
  repository?: string;
  error?: RegistryError;
}

/** Answers a request of the registry API; undefined, untouched, for any other path. */
export interface OciDispatcher {
  (req: IncomingMessage, res: ServerResponse, notes: RequestNotes): Promise<void> | undefined;
}

export interface OciParts {
  readonly registry: ServedRegistry;
  readonly access: AccessController;
  readonly options: OciOptions;
  /** Without it nothing is told to the audit trail. */
  readonly audit?: RequestAudit | undefined;
  /** Where a request finds its repository; without it, or an answer, under the name that it asks for. */
  readonly locate?: Locate | undefined;
  /** Those that are offered; without it all. */
  readonly routes?: readonly Route[];
}

/** @throws RegistryError where there is no such repository to be had */
export type Locate = (
  asked: RepositoryName,
  search: string,
  request: IncomingMessage,
) => LocatedRepository | undefined;

interface Served extends OciParts {
  readonly buffers: BufferBudget;
  readonly table: RouteTable;
}

type RouteTable = ReadonlyMap<Shape, ReadonlyMap<string, Route>>;

/** Of the largest size, held in memory while they come and are checked. */
const MANIFESTS_AT_ONCE = 16;

export function createDispatcher(parts: OciParts): OciDispatcher {
  const largest = MANIFESTS_AT_ONCE * parts.options.maxManifestBytes;
  const table = tableOf(parts.routes ?? ROUTES);
  const served = { ...parts, buffers: new BufferBudget(largest), table };
  return (req, res, notes) => {
    const target = splitTarget(req.url ?? '');
    return target && dispatch(served, req, res, notes, target.path, target.search);
  };
}

async function dispatch(
  { registry, access, options, audit, buffers, locate, table }: Served,
  req: IncomingMessage,
  res: ServerResponse,
  notes: RequestNotes,
  rawPath: string,
  search: string,
): Promise<void> {
  try {
    const path = requirePath(rawPath);
    const route = requireRoute(table, path.shape, req.method ?? '');
    const asked = repositoryOf(path);
    const located = asked && locate?.(asked, search, req);
    if (located?.namespace !== undefined) res.setHeader('OCI-Namespace', located.namespace);
    const name = located?.name ?? asked;
    if (name !== undefined) notes.repository = name;
    const caller = await access.authorize(req, needsOf(registry, route, name, path.target, search));
    const call = new OciCall(req, res, registry, options, buffers, caller, name, path.target, search, asked);
    if (audit === undefined || route.audit === undefined) await route.handle(call);
    else await audit.handle(route.audit, route.handle, call);
  } catch (thrown) {
    const error = toRegistryError(thrown);
    notes.error = error;
    try {
      sendError(req, res, error);
    } catch (failure) {
      notes.error = new RegistryError('UNKNOWN', undefined, { cause: failure });
      res.destroy();
    }
  }
}

/** Of a mount also pull on its source, though it only fails softly without. */
function needsOf(
  registry: ServedRegistry,
  { shape, method, access }: Route,
  name: RepositoryName | undefined,
  target: string,
  search: string,
): AccessNeeds {
  const scopes = scopesOf(access, name);
  if (name === undefined) return { scopes };
  if (shape === 'upload' && (method === 'PATCH' || method === 'PUT')) {
    return { scopes, upload: () => registry.uploads.openedAs(name, target) };
  }
  const from = shape === 'uploads' ? new URLSearchParams(search).get('from') : null;
  const source = from === null ? undefined : sourceName(from);
  return source === undefined ? { scopes } : { scopes, wished: scopesOf(['pull'], source) };
}

function requirePath(rawPath: string): OciPath {
  const path = parseOciPath(rawPath);
  if (path === undefined)
    throw new RegistryError('NAME_UNKNOWN', 'no endpoint of the registry API has this path');
  return path;
}

/** OCI distribution-spec: other methods are 405 with Allow (RFC 9110 §15.5.6). */
function requireRoute(table: RouteTable, shape: Shape, method: string): Route {
  const methods = table.get(shape);
  const route = methods?.get(method);
  if (route !== undefined) return route;
  const headers = { Allow: [...(methods?.keys() ?? [])].join(', ') };
  throw new RegistryError('UNSUPPORTED', `${method} is not a method of this endpoint`, { headers });
}

function repositoryOf({ shape, name }: OciPath): RepositoryName | undefined {
  return shape === 'base' || shape === 'catalog' || shape === 'extensions'
    ? undefined
    : parseRepositoryName(name);
}

function tableOf(routes: readonly Route[]): RouteTable {
  const table = new Map<Shape, Map<string, Route>>();
  for (const route of routes) {
    const methods = table.get(route.shape) ?? new Map<string, Route>();
    table.set(route.shape, methods.set(route.method, route));
  }
  return table;
}
