import { createInterface } from 'node:readline/promises';
import {
  loadProcessConfig,
  processEnvironment,
  processNow,
  processServer,
} from '../composition/process-config.js';
import { Profiles, profilesPath } from '../composition/profiles.js';
import { readVersion } from '../composition/version.js';
import type { CommandContext } from './command-context.js';
import { interruptible } from './interruption.js';
import { printable } from './output.js';
import { askAtTerminal } from './terminal.js';

const profiles = new Profiles(profilesPath(processEnvironment()));
const err = (text: string): void => void process.stderr.write(text);
const warn = (message: string): void => err(`stackyard: ${printable(message)}\n`);

/** The world of this process. The server and the store are loaded only by the commands that need them. */
export const processContext: CommandContext = {
  version: readVersion(),
  out: (text) => void process.stdout.write(text),
  err,
  flushed: () => new Promise((resolve) => void process.stdout.write('', () => resolve())),
  progress: process.stderr.isTTY ? (line) => void process.stderr.write(`\r\x1b[K${line}`) : undefined,
  readLine: readInputLine,
  ask: process.stdin.isTTY && process.stderr.isTTY ? askAtTerminal : undefined,
  stdin: () => process.stdin,
  stdout: { stream: () => process.stdout, isTerminal: process.stdout.isTTY },
  interruptible: (work) => interruptible(process, work),
  now: processNow,
  server: processServer(),
  profiles,
  loadConfig: loadProcessConfig,
  openStore: async (config) => (await import('../composition/store-tools.js')).openStore(config),
  openAdmin: async (target) => {
    if ('config' in target)
      return (await import('../composition/local-admin.js')).openLocalAdmin(target.config);
    const { openRemoteAdmin } = await import('../composition/remote-admin.js');
    return openRemoteAdmin(target, { env: processEnvironment(), profiles, warn });
  },
  connect: async (target, login) => {
    const { connectTo, credentialsOf } = await import('../composition/remote-admin.js');
    return connectTo(target, credentialsOf(login), warn);
  },
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
