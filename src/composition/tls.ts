import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { Config } from '../config/index.js';
import type { TlsMaterial } from '../http/server.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import { StartError } from './listen.js';

const LOOK_MILLISECONDS = 10_000;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** What `server.tls` names; undefined without it. @throws StartError */
export function readTls({ server: { tls } }: Config): TlsMaterial | undefined {
  const { certificate, key, clientCa } = tls;
  if (certificate === undefined || key === undefined) return undefined;
  const material = {
    cert: readPem('certificate', certificate),
    key: readPem('key', key),
    ...(clientCa !== undefined && { ca: authoritiesOf(clientCa) }),
  };
  try {
    createSecureContext(material);
  } catch (error) {
    throw new StartError(
      `server.tls: ${certificate} and ${key} do not go together or are no PEM (${(error as Error).message}); give a certificate with its own key`,
      { cause: error },
    );
  }
  return material;
}

/** Takes over changed files without a restart; keeps what it has while they are unusable. Answers how to stop. */
export function watchTls(server: Server, config: Config, clock: Clock, log: Logger): () => void {
  if (!(server instanceof TlsServer)) return () => undefined;
  const { certificate, key, clientCa } = config.server.tls;
  const files = [certificate, key, clientCa].filter((file) => file !== undefined);
  let seen = versionOf(files);
  return clock.every(LOOK_MILLISECONDS, () => {
    const version = versionOf(files);
    if (version === seen) return;
    seen = version;
    try {
      const material = readTls(config);
      if (material !== undefined) server.setSecureContext(material);
      log.info({ certificate }, 'took over the changed certificate');
    } catch (error) {
      log.error(
        { reason: (error as Error).message },
        'the changed certificate is unusable; the old one stays',
      );
    }
  });
}

/** Of an empty text node would make every public authority. @throws StartError */
function authoritiesOf(file: string): string {
  const text = readPem('clientCa', file);
  try {
    const blocks = text.match(CERTIFICATE) ?? [];
    if (blocks.length > 0 && blocks.every((block) => new X509Certificate(block).subject !== '')) return text;
  } catch {
    // told below
  }
  throw new StartError(`server.tls.clientCa: ${file} holds no certificate; give the authorities in PEM`);
}

function versionOf(files: readonly string[]): string {
  return files
    .map((file) => {
      try {
        const { ino, size, mtimeNs } = statSync(file, { bigint: true });
        return `${ino}-${size}-${mtimeNs}`;
      } catch (error) {
        return String((error as NodeJS.ErrnoException).code); // told when the file is read
      }
    })
    .join(' ');
}

function readPem(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new StartError(`server.tls.${name}: ${file} cannot be read (${code}); give a readable PEM file`, {
      cause: error,
    });
  }
}
