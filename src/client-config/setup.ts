import { isRepositoryComponent } from '../domain/repository-name.js';
import { parseAuthority, parseImageHost } from './authority.js';
import { parseCertificates } from './certificates.js';
import { refuse } from './client-config-error.js';

/** How a client of a registry is to be set up, as it is given. */
export interface GivenSetup {
  /** `host[:port]` of the server. */
  readonly registry: string;
  /** Plain HTTP instead of TLS. */
  readonly http?: boolean;
  /** PEM text of the authorities that the server's certificate is checked against. */
  readonly ca?: string;
  readonly mirrors?: readonly GivenMirror[];
  /** URL of the server's root mirror. */
  readonly dockerMirror?: string;
  readonly login?: Login;
  /** Directory of the user whose login it is. */
  readonly home?: string;
  /** Of Kubernetes. */
  readonly secret?: { readonly name?: string; readonly namespace?: string };
}

export interface GivenMirror {
  /** The registry as images name it. */
  readonly upstream: string;
  /** What the server calls it; without it the same. */
  readonly name?: string;
  /** The upstream itself is never asked. */
  readonly only?: boolean;
}

export interface Login {
  readonly username: string;
  readonly password: string;
}

export interface Mirror {
  /** What errors call it. */
  readonly member: string;
  readonly upstream: string;
  readonly name?: string;
  readonly only: boolean;
}

/** A setup that was checked: nothing in it can end a string of TOML, YAML or a path. */
export interface Setup {
  readonly registry: string;
  readonly http: boolean;
  readonly ca?: string;
  readonly mirrors: readonly Mirror[];
  readonly dockerMirror?: RootMirror;
  readonly login?: Login;
  /** Without a slash at its end, so that of `/` is empty. */
  readonly home: string;
  readonly secret: { readonly name: string; readonly namespace?: string };
}

export interface RootMirror {
  readonly scheme: 'http' | 'https';
  readonly authority: string;
}

const HUB = 'docker.io';
const OTHER_NAMES_OF_HUB: readonly string[] = ['index.docker.io', 'registry-1.docker.io'];
const ROOT_MIRROR_FORM = 'give http(s)://host[:port], such as https://registry.example:5001';
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** @throws ClientConfigError */
export function parseSetup(given: GivenSetup): Setup {
  const registry = parseImageHost(given.registry, 'registry');
  const http = given.http ?? false;
  if (http && given.ca !== undefined)
    refuse('ca', 'over plain HTTP no certificate is checked; leave out either ca or http');
  return {
    registry,
    http,
    ...(given.ca !== undefined && { ca: parseCertificates(given.ca, 'ca') }),
    mirrors: parseMirrors(given.mirrors ?? [], registry),
    ...(given.dockerMirror !== undefined && { dockerMirror: parseRootMirror(given.dockerMirror) }),
    ...(given.login !== undefined && { login: parseLogin(given.login) }),
    home: parseHome(given.home ?? '/root'),
    secret: parseSecret(given.secret ?? {}),
  };
}

/** The server's name of the upstream, which is a component of repositories' names. @throws ClientConfigError */
export function nameOf({ member, upstream, name }: Mirror): string {
  if (name !== undefined) return name;
  if (isRepositoryComponent(upstream)) return upstream;
  return refuse(
    `${member}.name`,
    `${upstream} cannot be the name of an upstream on the server; give the one it has there`,
  );
}

function parseMirrors(given: readonly GivenMirror[], registry: string): readonly Mirror[] {
  const mirrors = given.map((each, index) => parseMirror(each, `mirrors[${index}]`, registry));
  for (const [at, { member, upstream }] of mirrors.entries())
    if (mirrors.slice(0, at).some((before) => before.upstream === upstream))
      refuse(`${member}.upstream`, `${upstream} is given twice; give it once`);
  return mirrors;
}

function parseMirror(given: GivenMirror, member: string, registry: string): Mirror {
  const { upstream: text, name, only = false } = given;
  const upstream = parseImageHost(text, `${member}.upstream`);
  if (OTHER_NAMES_OF_HUB.includes(upstream))
    refuse(`${member}.upstream`, `images call ${upstream} ${HUB}; give that`);
  if (upstream === registry)
    refuse(`${member}.upstream`, 'it is the registry itself; give the registry that is mirrored');
  if (name !== undefined && !isRepositoryComponent(name))
    refuse(
      `${member}.name`,
      'it is no component of repository names; give what mirror.upstreams calls it, such as docker.io',
    );
  return { member, upstream, only, ...(name !== undefined && { name }) };
}

function parseRootMirror(text: string): RootMirror {
  const wrong = (cause: string): never => refuse('dockerMirror', `${cause}; ${ROOT_MIRROR_FORM}`);
  const [, scheme, rest = ''] = /^(https?):\/\/(.*)$/s.exec(text) ?? [];
  if (scheme !== 'http' && scheme !== 'https') return wrong('it is no URL of http or https');
  if (rest.includes('@')) wrong('dockerd refuses a user in it');
  if (/[?#]/.test(rest)) wrong('dockerd refuses a query or fragment in it');
  const authority = rest.replace(/\/$/, '');
  if (authority.includes('/')) wrong('dockerd before 25 refuses a path in it');
  return { scheme, authority: parseAuthority(authority, 'dockerMirror') };
}

function parseLogin({ username, password }: Login): Login {
  const texts = Object.entries({ username, password });
  for (const [name, text] of texts) {
    if (text === '') refuse(`login.${name}`, 'it is empty; give one');

    if (/[\x00-\x1f\x7f]/.test(text))
      refuse(`login.${name}`, 'it holds control characters; give one without');
  }
  if (username.includes(':'))
    refuse('login.username', 'it holds a colon, which ends a user name; give one without');
  return { username, password };
}

function parseHome(text: string): string {
  const path = text.replace(/\/$/, '');
  const parts = path.split('/').slice(1);
  const isPlain = parts.every((part) => !['', '.', '..'].includes(part));

  if (!text.startsWith('/') || !isPlain || /[\x00-\x1f\x7f]/.test(text))
    refuse('home', 'it is no plain absolute path; give one, such as /home/ci');
  return path;
}

function parseSecret({ name = 'stackyard', namespace }: NonNullable<GivenSetup['secret']>): Setup['secret'] {
  for (const [member, text] of Object.entries({ name, namespace }))
    if (text !== undefined && !LABEL.test(text))
      refuse(`secret.${member}`, 'it is no DNS label; give up to 63 lower-case letters, digits and dashes');
  return { name, ...(namespace !== undefined && { namespace }) };
}
