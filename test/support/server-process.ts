import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { HEAP_FLAGS } from '../../src/composition/workers.js';
import { startChild, Tail } from './child.js';
import { compiledRoot } from './project.js';
import { temporaryDirectory } from './temporary.js';

export interface ServerOptions {
  /** The filesystem driver's root; without it a temporary one that stop() removes. */
  readonly root?: string;
  /** Added to the environment; wins over everything else. */
  readonly env?: Readonly<Record<string, string>>;
  readonly workers?: number;
  /** 0, the default, takes a free port. */
  readonly port?: number;
  readonly host?: string;
  /** The compiled main.js of another release. */
  readonly main?: string;
  /** Words before its command, which run it elsewhere: those of a Network. */
  readonly through?: readonly string[];
  /** How long it may take to listen. */
  readonly startMs?: number;
}

export interface ServerProcess {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  readonly root: string;
  /** The JSON lines logged so far (the last 20,000). */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  /** SIGTERM and the exit code; rejects if it has to be killed, with the end of its log. */
  stop(): Promise<number | null>;
  /** Sends a signal; with SIGKILL it also waits for the end. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

const KEPT_LINES = 20_000;
const STOP_MS = 30_000;

/** The environment of a server under test: nothing of a developer's own settings or credentials reaches it. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(STACKYARD_|OS_|ST_|SWIFT|HOST$|PORT$)/.test(name)),
  );
}

/** Starts `node dist/src/main.js`, with the flags of `npm start` and open to everybody, and waits until it listens; throws one line with the end of its log if it does not. */
export async function startServer(options: ServerOptions = {}): Promise<ServerProcess> {
  const home = await temporaryDirectory('server');
  const root = options.root ?? join(home.path, 'data');
  const startMs = options.startMs ?? 30_000;
  const tail = new Tail();
  const log: Record<string, unknown>[] = [];
  const main = options.main ?? join(compiledRoot, 'src', 'main.js');
  const [command = '', ...words] = [...(options.through ?? []), process.execPath, ...HEAP_FLAGS, main];
  const child = await startChild(command, words, {
    cwd: home.path, // no stackyard.yaml lies there
    env: {
      ...cleanEnvironment(),
      HOST: options.host ?? '127.0.0.1',
      PORT: String(options.port ?? 0),
      STACKYARD_AUTH_MODE: 'none',
      STACKYARD_STORAGE_DRIVER: 'filesystem',
      STACKYARD_STORAGE_FILESYSTEM_ROOT: root,
      STACKYARD_SERVER_WORKERS: String(options.workers ?? 1),
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { stdout, stderr } = child.process;
  if (stdout === null || stderr === null) throw new Error('the server was started without pipes');
  stderr.setEncoding('utf8').on('data', (chunk: string) => tail.add(chunk));

  let abandon: NodeJS.Timeout | undefined;
  const listening = new Promise<{ address: string; port: number }>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`the server ${why}: ${tail.oneLine()}`));
    createInterface({ input: stdout }).on('line', (line) => {
      tail.add(`${line}\n`);
      const entry = parseLine(line);
      if (entry === undefined) return;
      if (log.push(entry) > KEPT_LINES) log.shift();
      if (entry['msg'] === 'listening' && typeof entry['port'] === 'number')
        resolve({ address: String(entry['address']), port: entry['port'] });
    });
    abandon = setTimeout(() => fail(`did not listen within ${startMs} ms`), startMs);
    void child.ended.then(({ code, signal }) =>
      fail(`ended with ${signal ?? `code ${code}`} before it listened`),
    );
  });
  try {
    const { address, port } = await listening;
    const host = address.includes(':') ? `[${address}]` : address;
    return {
      url: `http://${host}:${port}`,
      host,
      port,
      pid: child.pid,
      root,
      log,
      async stop() {
        const exit = await child.stop(STOP_MS);
        await home.remove();
        if (exit.forced)
          throw new Error(`the server did not end within ${STOP_MS} ms of SIGTERM: ${tail.oneLine()}`);
        return exit.code;
      },
      async kill(signal) {
        child.process.kill(signal);
        if (signal !== 'SIGKILL') return;
        await child.ended;
        await home.remove();
      },
    };
  } catch (error) {
    await child.stop(2_000);
    await home.remove();
    throw error;
  } finally {
    clearTimeout(abandon);
  }
}

function parseLine(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // kept in the tail all the same
    throw error;
  }
}
