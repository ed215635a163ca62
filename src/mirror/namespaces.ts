import { InvalidValue } from '../domain/invalid-value.js';
import { parseRepositoryName } from '../domain/repository-name.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import type { RemoteRepository, Upstream } from './upstream/upstream.js';

const MIRROR = 'mirror/';
const MOST_SHOWN = 255;

/** Where a request's repository is. */
export interface LocatedRepository {
  readonly name: RepositoryName;
  /** What is answered as `OCI-Namespace`: by which upstream's name it was asked for. */
  readonly namespace?: string;
}

/** Which repositories are those of upstreams, by their own names and by what clients call the upstreams. */
export class Namespaces {
  private readonly byName: ReadonlyMap<string, Upstream>;
  private readonly byNamespace: ReadonlyMap<string, Upstream>;
  private readonly ownNames: ReadonlySet<string>;

  /** `ownNames` are what clients call this registry, `host[:port]`. */
  constructor(upstreams: readonly Upstream[], ownNames: readonly string[]) {
    this.byName = new Map(upstreams.map((upstream) => [upstream.name, upstream]));
    this.byNamespace = new Map(
      upstreams.flatMap((upstream) => upstream.namespaces.map((namespace) => [namespace, upstream] as const)),
    );
    this.ownNames = new Set(ownNames.map((name) => name.toLowerCase()));
  }

  /** Of a name `mirror/<upstream>/…`; undefined for any other, also where there is no such upstream. */
  remoteOf(name: RepositoryName): RemoteRepository | undefined {
    if (!isMirrored(name)) return undefined;
    const slash = name.indexOf('/', MIRROR.length);
    const upstream = slash < 0 ? undefined : this.byName.get(name.slice(MIRROR.length, slash));
    return upstream && { upstream, name: parseRepositoryName(name.slice(slash + 1)) };
  }

  /**
   * What a request asks for that names a namespace: a repository of that upstream, or one of this registry where the
   * namespace is this registry, of `calledNames` too.
   * @throws RegistryError NAME_UNKNOWN for any other namespace, NAME_INVALID where the name is too long then
   */
  locate(
    asked: RepositoryName,
    namespace: string | undefined,
    calledNames: readonly string[] = [],
  ): LocatedRepository {
    if (namespace === undefined || namespace === '') return { name: asked };
    const host = namespace.toLowerCase();
    const upstream = this.byNamespace.get(host);
    if (upstream !== undefined) return { name: mirroredName(upstream, asked), namespace: host };
    if (this.ownNames.has(host) || calledNames.some((name) => name.toLowerCase() === host)) {
      return { name: asked };
    }
    throw new RegistryError(
      'NAME_UNKNOWN',
      `this registry does not mirror '${namespace.slice(0, MOST_SHOWN)}', which ns names`,
    );
  }
}

/** Whether nobody pushes there, because it is taken from upstreams. */
export function isMirrored(name: string): boolean {
  return name.startsWith(MIRROR);
}

/** Begins the names of all that is taken from an upstream. */
export function prefixOf(upstream: string): string {
  return `${MIRROR}${upstream}/`;
}

/** Where what is taken of an upstream's repository lies. @throws RegistryError NAME_INVALID where that is too long */
export function mirroredName({ name }: Upstream, asked: RepositoryName): RepositoryName {
  try {
    return parseRepositoryName(`${prefixOf(name)}${asked}`);
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    throw new RegistryError('NAME_INVALID', `with ${prefixOf(name)} before it, ${error.message}`, {
      cause: error,
    });
  }
}
