export { ConfigError } from './config-error.js';
export { configurationPage, describeConfig, type KeyDescription } from './documentation.js';
export type { Environment } from './environment.js';
export { loadConfig, type LoadOptions } from './loader.js';
export { printConfig } from './print.js';
export type { Config } from './schema.js';
export { swiftAccount } from './swift-account.js';
export { formatDuration, formatSize, parseDuration, parseSize } from './units.js';
