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
  /** @throws ConfigError */
  readonly loadConfig: (configPath?: string) => Config;
  readonly openStore: (config: Config) => Promise<StoreTools>;
  /** Examines the store of the configuration that `load` gives. Never throws. */
  readonly examine: (load: () => Config) => AsyncIterable<Finding>;
  readonly serve: (options: { configPath?: string }) => Promise<void>;
}

export interface ConfigOption {
  readonly config?: string;
}

/** Opens the store for one piece of work and closes it whatever happens. */
export async function withStore<T>(
  context: CommandContext,
  config: Config,
  work: (store: StoreTools) => Promise<T>,
): Promise<T> {
  const store = await context.openStore(config);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
