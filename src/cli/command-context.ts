import type { Config } from '../composition/process-config.js';

/** What a purge of dead uploads did, or would do. */
export interface PurgeReport {
  readonly steps: number;
  readonly sets: number;
  readonly bytes: number;
  readonly dryRun: boolean;
  /** Why it only reported although a purge was asked for. */
  readonly reason?: string;
}

/** What is known of a store that was opened in place. */
export interface AdoptionReport {
  readonly origin: string;
  readonly shared: boolean;
  readonly repositories: number;
  readonly referrers: number;
}

/** A store opened for one command. */
export interface StoreTools {
  /** `olderThan` is in milliseconds. */
  purgeUploads(options: { olderThan: number; dryRun: boolean }): Promise<PurgeReport>;
  adopt(options: { finish: boolean }): Promise<AdoptionReport>;
  close(): Promise<void>;
}

/** All that the commands reach of the world outside them. */
export interface CommandContext {
  readonly version: string;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** @throws ConfigError */
  readonly loadConfig: (configPath?: string) => Config;
  readonly openStore: (config: Config) => Promise<StoreTools>;
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
