import type { Config } from '../config/index.js';
import type { ClientOrigin } from '../http/client-origin.js';
import type { Locate, OciDispatcher, OciParts } from '../http/oci/dispatcher.js';
import { locateByNamespace } from '../http/oci/namespace-query.js';
import { createRootMirror } from '../http/root-mirror.js';
import { MirrorAccess } from '../mirror/mirror-access.js';
import { Namespaces } from '../mirror/namespaces.js';
import type { Reservations } from '../mirror/reservations.js';
import type { Upstream } from '../mirror/upstream/upstream.js';
import type { AccessController } from '../ports/access.js';

/** How requests are let in and understood where there are upstreams. */
export interface MirrorEdge {
  readonly access: AccessController;
  readonly locate?: Locate;
  /** Serves nothing where none is configured. */
  readonly rootMirror: OciDispatcher;
}

export interface MirrorEdgeRules {
  readonly root: Pick<Config['mirror']['root'], 'upstream' | 'networks'>;
  readonly publicUrl?: string | undefined;
}

/** The parts are those of the dispatcher for everything else. */
export function createMirrorEdge(
  { registry, options, audit, ...parts }: Omit<OciParts, 'locate' | 'routes'>,
  reservations: Reservations,
  upstreams: readonly Upstream[],
  { root, publicUrl }: MirrorEdgeRules,
  origin: ClientOrigin,
): MirrorEdge {
  const rootMirror: OciDispatcher = () => undefined;
  const access = new MirrorAccess(parts.access, reservations);
  if (upstreams.length === 0) return { access, rootMirror };
  const ownNames = publicUrl === undefined ? [] : [new URL(publicUrl).host];
  const upstream = upstreams.find(({ name }) => name === root.upstream);
  const { networks } = root;
  return {
    access,
    locate: locateByNamespace(new Namespaces(upstreams, ownNames), origin),
    rootMirror:
      upstream === undefined
        ? rootMirror
        : createRootMirror({ registry, upstream, networks, origin, options, audit }),
  };
}
