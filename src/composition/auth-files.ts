import { readFileSync, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import type { BigIntStats } from 'node:fs';
import { parseHtpasswd } from '../auth/backends/htpasswd-content.js';
import { HtpasswdFile } from '../auth/backends/htpasswd-file.js';
import { KeystoneClient } from '../auth/backends/keystone-client.js';
import { parseTrustedKeys } from '../auth/trusted-keys.js';
import type { TrustedKey } from '../auth/trusted-keys.js';
import type { Config } from '../config/index.js';
import type { Clock } from '../ports/clock.js';
import { StartError } from './listen.js';

/** Before a store is there that logins could be asked for. @throws StartError as `createAuth` */
export function requireAuthFiles({ mode, htpasswd, keystone, external }: Config['auth']): void {
  if (mode === 'none') return;
  if (htpasswd.file !== undefined) readHtpasswd(htpasswd.file);
  void keystoneClient(keystone)?.close();
  readTrustedKeys(external.keys);
}

/** @throws StartError */
export function readTrustedKeys(path: string | undefined): readonly TrustedKey[] | undefined {
  if (path === undefined) return undefined;
  const text = readable('auth.external.keys', path, () => readFileSync(path, 'utf8'));
  try {
    return parseTrustedKeys(text);
  } catch (error) {
    const { message } = error as Error;
    throw new StartError(`auth.external.keys: ${path}: ${message.replace(/\s+/g, ' ')}`, { cause: error });
  }
}

/** @throws StartError */
export function htpasswdFile(
  path: string | undefined,
  clock: Clock,
  warn: (message: string) => void,
): HtpasswdFile | undefined {
  if (path === undefined) return undefined;
  const { version, content } = readHtpasswd(path);
  const source = {
    version: async () => versionOf(await stat(path, { bigint: true })),
    read: () => readFile(path, 'utf8'),
  };
  return new HtpasswdFile(
    { source, clock, warn: (message) => warn(`auth.htpasswd.file: ${path}: ${message}`) },
    { version, content },
  );
}

function readHtpasswd(path: string): { version: string; content: ReturnType<typeof parseHtpasswd> } {
  const version = versionOf(readable('auth.htpasswd.file', path, () => statSync(path, { bigint: true })));
  const content = parseHtpasswd(readable('auth.htpasswd.file', path, () => readFileSync(path, 'utf8')));
  if (content.problems.length > 0) {
    throw new StartError(`auth.htpasswd.file: ${path}: ${content.problems.join('; ')}`);
  }
  return { version, content };
}

function versionOf({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [ino, size, mtimeNs, ctimeNs].join(' ');
}

/** @throws StartError */
export function keystoneClient({ url, ca: path }: Config['auth']['keystone']): KeystoneClient | undefined {
  if (url === undefined) return undefined;
  if (path === undefined) return new KeystoneClient({ url });
  const ca = readable('auth.keystone.ca', path, () => readFileSync(path, 'utf8'));
  if (ca.includes('-----BEGIN CERTIFICATE-----')) return new KeystoneClient({ url, ca });
  throw new StartError(`auth.keystone.ca: ${path} holds no certificate; give a PEM file`);
}

/** What `read` answers. @throws StartError where node:fs fails */
export function readable<T>(key: string, path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    if (code === undefined) throw error;
    throw new StartError(`${key}: ${path} cannot be read (${code}); give a readable file`, { cause: error });
  }
}
