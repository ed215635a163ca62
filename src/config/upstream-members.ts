import { isIPv6 } from 'node:net';
import { z } from 'zod';
import { isRepositoryComponent } from '../domain/repository-name.js';
import { list, shaped, text } from './kinds.js';
import type { Kind } from './kinds.js';
import { network, repositoryPattern, serviceUrl, tagPattern } from './shapes.js';

/** A member of an entry of a list of mappings. */
export interface Member<T extends z.ZodType = z.ZodType> {
  readonly kind: Kind<T>;
  readonly help: string;
  readonly secret?: boolean;
}

export type Members = Readonly<Record<string, Member>>;

/** What members are once they are read. */
export type MemberValues<M extends Members> = {
  readonly [K in keyof M]?: z.output<M[K]['kind']['schema']>;
};

/** How to log in, for the whole of an upstream or for some of its repositories. */
const LOGIN = {
  username: { kind: text(), help: 'The user to log in as.' },
  password: { kind: text(), secret: true, help: 'The password of that user, or a token in its place.' },
  passwordFile: { kind: text(), help: 'A file that holds the password.' },
  identityTokenFile: {
    kind: text(),
    help: 'A file that holds an OAuth2 refresh token, what `docker login` keeps as identity token; instead of user and password.',
  },
};

export const LOGIN_MEMBERS = {
  repositories: {
    kind: repositoryPattern(),
    help: 'A pattern of the repositories, by their names at the upstream.',
  },
  ...LOGIN,
};

export const UPSTREAM_MEMBERS = {
  name: {
    kind: shaped('a component of repository names, such as docker.io', isRepositoryComponent),
    help: 'What the upstream is called here: its images lie in `mirror/NAME/…`.',
  },
  url: {
    kind: upstreamUrl(),
    help: 'Where it is; without it `https://NAME`. Only a URL that is written out can be http.',
  },
  namespaces: {
    kind: list(hostAndPort()),
    help: 'What clients call it in `?ns=`; without it its name and the host of its URL.',
  },
  ...LOGIN,
  logins: {
    kind: { schema: z.array(z.unknown()), accepts: 'a list of mappings', print: (value: unknown) => value },
    secret: true,
    help: 'Logins for some of its repositories: mappings of `repositories` and the members of a login. The first that matches counts, and these before the login beside them.',
  },
  tokenHosts: {
    kind: list(hostAndPort()),
    help: 'Hosts beside its own that its tokens may come from, and its logins go to.',
  },
  networks: {
    kind: list(network()),
    help: 'Private addresses that may be connected to on its behalf; others are refused.',
  },
  allow: {
    kind: list(repositoryPattern()),
    help: 'Patterns of the repositories that are offered, by their names there; without it, or empty, all.',
  },
  deny: { kind: list(repositoryPattern()), help: 'Patterns of those that are not.' },
  pinned: {
    kind: list(tagPattern()),
    help: 'Patterns of tags, such as `library/node:18*`, that are taken once and never looked for again.',
  },
  ca: { kind: text(), help: 'A PEM file of the authorities that its certificate may come from.' },
  certificate: { kind: text(), help: 'A PEM file of a client certificate, with its `key`.' },
  key: { kind: text(), help: 'A PEM file of the private key of that certificate.' },
};

function upstreamUrl() {
  const { schema, ...kind } = serviceUrl();
  const accepts = `${kind.accepts}, and without the /v2/ of the registry API`;
  return { ...kind, accepts, schema: schema.refine((value) => !/\/v2\/?$/.test(value)) };
}

/** In lower case. */
function hostAndPort() {
  const { schema, ...kind } = shaped('a host, with its port if it has one, such as quay.io', isHost);
  return { ...kind, schema: z.string().toLowerCase().pipe(schema) };
}

function isHost(value: string): boolean {
  const [, inBrackets, name = '', port = '1'] =
    /^(?:\[([0-9a-f:.]+)\]|([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?))(?::(\d{1,5}))?$/.exec(value) ?? [];
  const isNamed = inBrackets === undefined ? name !== '' : isIPv6(inBrackets);
  return isNamed && Number(port) >= 1 && Number(port) <= 65_535;
}
