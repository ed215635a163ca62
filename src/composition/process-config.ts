import { readFileSync } from 'node:fs';
import { loadConfig, swiftAccount, type Config } from '../config/index.js';
import type { OpenStackAccount } from '../domain/openstack-credentials.js';

export { ConfigError, formatDuration, parseDuration, printConfig, type Config } from '../config/index.js';
export { readableBytes } from '../domain/byte-size.js';

/**
 * The configuration of this process: its environment, its working directory and the file of `--config`.
 * @throws ConfigError
 */
export function loadProcessConfig(configPath?: string): Config {
  return loadConfig({
    env: process.env,
    cwd: process.cwd(),
    readFile,
    configPath,
  });
}

/** The Swift account of the configuration; undefined where its store is not Swift. @throws ConfigError */
export function processSwiftAccount(config: Config): OpenStackAccount | undefined {
  return swiftAccount(config, readFile);
}

/** Where the command line works on a server unless it says otherwise: STACKYARD_SERVER. */
export function processServer(): string | undefined {
  return process.env['STACKYARD_SERVER'] || undefined;
}

/** For logins, and where they are kept. */
export function processEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}

function readFile(path: string): string {
  return readFileSync(path, 'utf8');
}

/** Milliseconds since 1970. */
export function processNow(): number {
  return Date.now();
}
