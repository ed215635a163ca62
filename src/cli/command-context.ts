import type { Readable, Writable } from 'node:stream';
import type { AdminConnection } from '../api/admin-connection.js';
import type { Finding } from '../composition/doctor.js';
import type { Config } from '../composition/process-config.js';
import type { Profiles } from '../composition/profiles.js';
import type { RemoteTarget } from '../composition/remote-admin.js';
import type { StoreTools } from '../composition/store-tools.js';
import { UsageError } from './exit.js';

/** All that the commands reach of the world outside them. */
export interface CommandContext {
  readonly version: string;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Resolves when a reader has taken what was written, or wants no more. */
  readonly flushed: () => Promise<void>;
  /** Shows a line that the next one replaces; absent where nobody watches. */
  readonly progress?: ((line: string) => void) | undefined;
  /** The first line of the standard input, without its end. */
  readonly readLine: () => Promise<string>;
  /** Asks whoever sits at the terminal, without showing the answer where it is `secret`; absent where nobody does. */
  readonly ask?: ((question: string, options?: { readonly secret: boolean }) => Promise<string>) | undefined;
  readonly stdin: () => Readable;
  readonly stdout: { readonly stream: () => Writable; readonly isTerminal: boolean };
  /** Runs work that has to be ended well: Ctrl-C and SIGTERM abort its signal. @throws Interrupted where that ended it */
  readonly interruptible: <T>(work: (signal: AbortSignal) => Promise<T>) => Promise<T>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** STACKYARD_SERVER. */
  readonly server?: string | undefined;
  readonly profiles: Pick<Profiles, 'path' | 'find' | 'save' | 'remove'>;
  /** @throws ConfigError */
  readonly loadConfig: (configPath?: string) => Config;
  readonly openStore: (config: Config) => Promise<StoreTools>;
  /** @throws ApiProblem */
  readonly openAdmin: (target: AdminTarget) => Promise<AdminConnection>;
  /** The server with a login that is not kept yet. @throws ApiProblem */
  readonly connect: (target: RemoteTarget, login: Login) => Promise<AdminConnection>;
  /** Examines the store of the configuration that `load` gives. Never throws. */
  readonly examine: (load: () => Config) => AsyncIterable<Finding>;
  readonly serve: (options: { configPath?: string }) => Promise<void>;
}

/** Without a name the secret is that of an access token. */
export interface Login {
  readonly username?: string | undefined;
  readonly secret: string;
}

/** The store of a configuration, or a server. */
export type AdminTarget = { readonly config: Config } | RemoteTarget;

export interface ConfigOption {
  readonly config?: string;
}

/** Of commands of the admin API. */
export interface TargetOptions extends ConfigOption {
  readonly server?: string;
  readonly ca?: string;
}

/** Of commands that print a result. */
export interface ResultOptions extends TargetOptions {
  readonly json: boolean;
}

/** Opens the store for one piece of work and closes it whatever happens. */
export async function withStore<T>(
  context: CommandContext,
  config: Config,
  work: (store: StoreTools) => Promise<T>,
): Promise<T> {
  return closing(await context.openStore(config), work);
}

/** The same with the admin API of the store or server that the options name. @throws UsageError, ApiProblem */
export async function withAdmin<T>(
  context: CommandContext,
  options: TargetOptions,
  work: (api: AdminConnection) => Promise<T>,
): Promise<T> {
  const server = serverOf(context, options);
  const target =
    server === undefined
      ? { config: context.loadConfig(options.config) }
      : { server, ...(options.ca !== undefined && { ca: options.ca }) };
  return closing(await context.openAdmin(target), work);
}

/** Undefined where the store of the configuration is meant. @throws UsageError */
export function serverOf(
  { server: usual }: CommandContext,
  { server, config, ca }: TargetOptions,
): string | undefined {
  if (server !== undefined && config !== undefined) {
    throw new UsageError(
      'give --server for a server, or --config for the store of a configuration, not both',
    );
  }
  const meant = config === undefined ? (server ?? usual) : undefined;
  if (meant === undefined && ca !== undefined) throw new UsageError('--ca goes with --server');
  return meant;
}

export async function closing<S extends { close(): Promise<void> }, T>(
  opened: S,
  work: (opened: S) => Promise<T>,
): Promise<T> {
  try {
    return await work(opened);
  } finally {
    await opened.close();
  }
}
