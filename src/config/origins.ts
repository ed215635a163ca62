import type { Config } from './schema.js';
import type { Setting } from './settings.js';

const origins = new WeakMap<Config, ReadonlyMap<string, Setting>>();

/** Keeps where each value came from beside the configuration, whose shape stays the schema's. */
export function rememberOrigins(config: Config, settings: ReadonlyMap<string, Setting>): void {
  origins.set(config, settings);
}

/** `default`, `file stackyard.yaml:3` or `env PORT`; undefined where the loader did not make this configuration. */
export function originOf(config: Config, path: string): string | undefined {
  const settings = origins.get(config);
  if (settings === undefined) return undefined;
  const setting = settings.get(path);
  return setting === undefined ? 'default' : `${setting.from} ${setting.where}`;
}
