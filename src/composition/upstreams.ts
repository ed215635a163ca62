import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Config } from '../config/index.js';
import { RepositoryPattern } from '../domain/repository-pattern.js';
import { TagPattern } from '../domain/tag-pattern.js';
import type { Upstream, UpstreamLogin, UpstreamTls } from '../mirror/upstream/upstream.js';
import { readable } from './auth-files.js';
import { StartError } from './listen.js';

type Entry = Config['mirror']['upstreams'][number];
type Login = Pick<Entry, 'username' | 'password' | 'passwordFile' | 'identityTokenFile'>;

/** The upstreams of the configuration, with what its files hold. @throws StartError that names the file */
export function readUpstreams({ mirror: { upstreams } }: Pick<Config, 'mirror'>): readonly Upstream[] {
  return upstreams.map((entry) => {
    const { name, url, namespaces, tokenHosts, networks, allow, deny, pinned } = entry;
    return {
      name,
      url: rootOf(url),
      namespaces,
      tokenHosts,
      networks,
      logins: loginsOf(entry),
      allow: allow.map((text) => RepositoryPattern.parse(text)),
      deny: deny.map((text) => RepositoryPattern.parse(text)),
      pinned: pinned.map((text) => TagPattern.parse(text)),
      tls: tlsOf(entry),
    };
  });
}

function rootOf(text: string): URL {
  const url = new URL(text);
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function loginsOf(entry: Entry): UpstreamLogin[] {
  const { name, logins } = entry;
  return [...logins.map((login) => [login.repositories, login] as const), ['**', entry] as const].flatMap(
    ([pattern, login]) => {
      const credentials = credentialsOf(name, login);
      return credentials === undefined ? [] : { repositories: RepositoryPattern.parse(pattern), credentials };
    },
  );
}

function credentialsOf(upstream: string, login: Login): UpstreamLogin['credentials'] | undefined {
  const { username, password, passwordFile, identityTokenFile } = login;
  if (identityTokenFile !== undefined) {
    return { kind: 'identity', token: secretIn(upstream, 'identityTokenFile', identityTokenFile) };
  }
  if (username === undefined) return undefined;
  if (password !== undefined) return { kind: 'password', username, password };
  if (passwordFile === undefined) return undefined;
  return { kind: 'password', username, password: secretIn(upstream, 'passwordFile', passwordFile) };
}

function secretIn(upstream: string, member: string, file: string): string {
  const secret = textIn(upstream, member, file).replace(/\r?\n$/, '');
  if (secret !== '') return secret;
  throw new StartError(`${placeOf(upstream, member)}: ${file} is empty; write the secret into it`);
}

function tlsOf({ name, ca, certificate, key }: Entry): UpstreamTls {
  const authorities = ca === undefined ? {} : { ca: certificateIn(name, 'ca', ca) };
  if (certificate === undefined || key === undefined) return authorities;
  const own = {
    certificate: certificateIn(name, 'certificate', certificate),
    key: textIn(name, 'key', key),
  };
  try {
    createSecureContext({ cert: own.certificate, key: own.key });
  } catch (error) {
    const cause = `${certificate} and ${key} do not go together or are no PEM`;
    throw new StartError(
      `${placeOf(name, 'certificate')}: ${cause} (${(error as Error).message}); give a certificate with its own key`,
      { cause: error },
    );
  }
  return { ...authorities, ...own };
}

function certificateIn(upstream: string, member: string, file: string): string {
  const text = textIn(upstream, member, file);
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw new StartError(`${placeOf(upstream, member)}: ${file} holds no certificate; give a PEM file`);
}

function textIn(upstream: string, member: string, file: string): string {
  return readable(placeOf(upstream, member), file, () => readFileSync(file, 'utf8'));
}

function placeOf(upstream: string, member: string): string {
  return `mirror.upstreams: ${upstream}: ${member}`;
}
