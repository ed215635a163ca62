import type { AdminTools } from '../composition/admin-tools.js';
import type { Finding } from '../composition/doctor.js';
import type { Config } from '../composition/process-config.js';
import type { StoreTools } from '../composition/store-tools.js';

/** All that the commands reach of the world outside them. */
export interface CommandContext {
  readonly version: string;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Shows a line that the next one replaces; absent where nobody watches. */
  readonly progress?: ((line: string) => void) | undefined;
  /** The first line of the standard input, without its end. */
  readonly readLine: () => Promise<string>;
  /** @throws ConfigError */
  readonly loadConfig: (configPath?: string) => Config;
  readonly openStore: (config: Config) => Promise<StoreTools>;
  readonly openAdmin: (config: Config) => Promise<AdminTools>;
  /** Examines the store of the configuration that `load` gives. Never throws. */
  readonly examine: (load: () => Config) => AsyncIterable<Finding>;
  readonly serve: (options: { configPath?: string }) => Promise<void>;
}

export interface ConfigOption {
  readonly config?: string;
}

/** Of commands that print a result. */
export interface ResultOptions extends ConfigOption {
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

/** The same for its logins and rights. */
export async function withAdmin<T>(
  context: CommandContext,
  { config }: ConfigOption,
  work: (tools: AdminTools) => Promise<T>,
): Promise<T> {
  return closing(await context.openAdmin(context.loadConfig(config)), work);
}

async function closing<S extends { close(): Promise<void> }, T>(
  store: S,
  work: (store: S) => Promise<T>,
): Promise<T> {
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
