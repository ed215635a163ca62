import type { IncomingMessage, ServerResponse } from 'node:http';
import { LRUCache } from 'lru-cache';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import { Namespaces, mirroredName } from '../mirror/namespaces.js';
import type { LocatedRepository } from '../mirror/namespaces.js';
import type { Upstream } from '../mirror/upstream/upstream.js';
import type { ServedRegistry } from '../registry/registry.js';
import type { ClientOrigin } from './client-origin.js';
import { sendError } from './error-handler.js';
import type { OciOptions } from './oci/call.js';
import { createDispatcher } from './oci/dispatcher.js';
import type { Locate, OciDispatcher } from './oci/dispatcher.js';
import { namespaceIn } from './oci/namespace-query.js';
import type { Shape } from './oci/path.js';
import type { RequestAudit } from './oci/request-audit.js';
import { ROUTES } from './oci/routes.js';
import { note } from './request-notes.js';
import { RootMirrorAccess } from './root-mirror-access.js';

const REMEMBERED = 10_000;
const SHAPES: ReadonlySet<Shape> = new Set(['base', 'manifest', 'blob', 'tags', 'referrers']);

export interface RootMirrorParts {
  readonly registry: ServedRegistry;
  readonly upstream: Upstream;
  /** CIDR blocks of its clients. */
  readonly networks: readonly string[];
  readonly origin: ClientOrigin;
  readonly options: OciOptions;
  readonly audit?: RequestAudit | undefined;
}

/**
 * One upstream by the names that it has itself, as Docker's `registry-mirrors` wants it: pulls alone, and no
 * repository of this registry beside those of that upstream.
 */
export function createRootMirror(parts: RootMirrorParts): OciDispatcher {
  const { registry, upstream, networks, origin, options, audit } = parts;
  return createDispatcher({
    registry,
    access: new RootMirrorAccess(networks, origin),
    options,
    audit,
    locate: locateIn(upstream),
    routes: ROUTES.filter(
      ({ method, shape }) => (method === 'GET' || method === 'HEAD') && SHAPES.has(shape),
    ),
  });
}

/** Whose `ns` may name that upstream and no other, not even this registry. */
function locateIn(upstream: Upstream): Locate {
  const namespaces = new Namespaces([upstream], []);
  const known = new LRUCache<RepositoryName, LocatedRepository>({ max: REMEMBERED });
  const ownNameOf = (asked: RepositoryName): LocatedRepository => {
    const located = known.get(asked) ?? { name: mirroredName(upstream, asked) };
    known.set(asked, located);
    return located;
  };
  return (asked, search) => {
    const namespace = namespaceIn(search);
    return namespace === undefined || namespace === ''
      ? ownNameOf(asked)
      : namespaces.locate(asked, namespace);
  };
}

/** Requests that call the server by one of these names go to the root mirror, whatever they ask for. */
export function byHostName(
  names: readonly string[],
  rootMirror: OciDispatcher,
  others: OciDispatcher,
): OciDispatcher {
  const known = new Set(names);
  return (req, res, notes) => {
    if (!known.has(hostNameOf(req))) return others(req, res, notes);
    const answer = rootMirror(req, res, notes);
    if (answer !== undefined) return answer;
    notes.error = nothing();
    sendError(req, res, notes.error);
    return Promise.resolve();
  };
}

/** The app beside a root mirror: there is nothing else. */
export function answerNothing(req: IncomingMessage, res: ServerResponse): void {
  const error = nothing();
  note(req, { error });
  sendError(req, res, error);
}

function nothing(): RegistryError {
  return new RegistryError('UNSUPPORTED', 'the root mirror has nothing at this path', { status: 404 });
}

/** In lower case and without the port. */
function hostNameOf({ headers }: IncomingMessage): string {
  return (headers.host ?? '').toLowerCase().replace(/:\d*$/, '');
}
