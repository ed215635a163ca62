import { createInterface } from 'node:readline/promises';
import { loadProcessConfig } from '../composition/process-config.js';
import { readVersion } from '../composition/version.js';
import type { CommandContext } from './command-context.js';

/** The world of this process. The server and the store are loaded only by the commands that need them. */
export const processContext: CommandContext = {
  version: readVersion(),
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  progress: process.stderr.isTTY ? (line) => void process.stderr.write(`\r\x1b[K${line}`) : undefined,
  readLine: readInputLine,
  loadConfig: loadProcessConfig,
  openStore: async (config) => (await import('../composition/store-tools.js')).openStore(config),
  openAdmin: async (config) => (await import('../composition/admin-tools.js')).openAdmin(config),
  examine: async function* (load) {
    yield* (await import('../composition/doctor.js')).examineStore(load);
  },
  serve: async (options) => (await import('../composition/serve.js')).serve(options),
};

async function readInputLine(): Promise<string> {
  const lines = createInterface({ input: process.stdin });
  try {
    for await (const line of lines) return line;
    return '';
  } finally {
    lines.close();
    process.stdin.destroy();
  }
}
