import { readFileSync } from 'node:fs';
import { loadConfig, type Config } from '../config/index.js';

export { ConfigError, formatDuration, parseDuration, printConfig, type Config } from '../config/index.js';

/**
 * The configuration of this process: its environment, its working directory and the file of `--config`.
 * @throws ConfigError
 */
export function loadProcessConfig(configPath?: string): Config {
  return loadConfig({
    env: process.env,
    cwd: process.cwd(),
    readFile: (path) => readFileSync(path, 'utf8'),
    configPath,
  });
}
