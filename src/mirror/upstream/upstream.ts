import type { RepositoryName } from '../../domain/repository-name.js';
import type { RepositoryPattern } from '../../domain/repository-pattern.js';
import type { TagPattern } from '../../domain/tag-pattern.js';

/** A registry that content is taken from, as the operator described it. */
export interface Upstream {
  /** A component of repository names: what is taken from it lies in `mirror/<name>/…`. */
  readonly name: string;
  /** Its root, without `/v2/`, user, password, query and fragment; the path, if any, ends in `/`. */
  readonly url: URL;
  /** What clients call it in `?ns=`, `host[:port]`. */
  readonly namespaces: readonly string[];
  /** The first whose pattern matches a repository counts; without one it is asked without a login. */
  readonly logins: readonly UpstreamLogin[];
  /** Hosts, `host[:port]`, beside its own that its bearer tokens may come from and its logins go to. */
  readonly tokenHosts: readonly string[];
  /** CIDR blocks of private addresses that may be connected to on its behalf. */
  readonly networks: readonly string[];
  /** Of its own names; what none of them matches is not offered. */
  readonly allow: readonly RepositoryPattern[];
  readonly deny: readonly RepositoryPattern[];
  /** Tags, of its own names, that are taken once and never looked for again. */
  readonly pinned: readonly TagPattern[];
  readonly tls: UpstreamTls;
}

/** PEM. */
export interface UpstreamTls {
  /** Authorities; without them those of the system. */
  readonly ca?: string;
  /** Of the client, with its key. */
  readonly certificate?: string;
  readonly key?: string;
}

/** How to log in at an upstream for some of its repositories. */
export interface UpstreamLogin {
  readonly repositories: RepositoryPattern;
  readonly credentials:
    | { readonly kind: 'password'; readonly username: string; readonly password: string }
    /** An OAuth2 refresh token, what `docker login` keeps as identity token. */
    | { readonly kind: 'identity'; readonly token: string };
}

/** A repository of an upstream, by the name that it has there. */
export interface RemoteRepository {
  readonly upstream: Upstream;
  readonly name: RepositoryName;
}
