import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startChild, Tail } from './child.js';
import { cleanEnvironment } from './server-process.js';
import { temporaryDirectory } from './temporary.js';

export interface Peer {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  readonly root: string;
  stop(): Promise<void>;
}

export interface PeerOptions {
  /** The directory of its filesystem driver; without it a temporary one that stop() removes. */
  readonly root?: string;
  /** Another of its drivers by name, with the driver's parameters. */
  readonly storage?: Readonly<Record<string, object>>;
  /** Its `auth` section; without it everybody may do everything. */
  readonly auth?: Readonly<Record<string, object>>;
  readonly program?: string;
  /** Words before its command, which run it elsewhere: those of a Network. */
  readonly through?: readonly string[];
}

/**
 * Debian's docker-registry 2.8.2 on a free loopback port, deletes on and no cache, so that it sees at once what another
 * process changes in the same directory.
 */
export async function startPeer(options: PeerOptions = {}): Promise<Peer> {
  const home = await temporaryDirectory('peer');
  const root = options.root ?? join(home.path, 'data');
  const file = join(home.path, 'registry.yml');
  await writeFile(
    file,
    configuration(options.storage ?? { filesystem: { rootdirectory: root } }, options.auth),
  );
  const tail = new Tail();
  const program = options.program ?? 'docker-registry';
  const [command = '', ...words] = [...(options.through ?? []), program, 'serve', file];
  const child = await startChild(command, words, {
    cwd: home.path,
    env: Object.fromEntries(
      Object.entries(cleanEnvironment()).filter(([name]) => !name.startsWith('REGISTRY_')),
    ),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let abandon: NodeJS.Timeout | undefined;
  const listening = new Promise<number>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`docker-registry ${why}: ${tail.oneLine()}`));
    child.process.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      tail.add(chunk);
      const port = /listening on 127\.0\.0\.1:(\d+)/.exec(tail.text())?.[1];
      if (port !== undefined) resolve(Number(port));
    });
    abandon = setTimeout(() => fail('did not listen within 20 s'), 20_000);
    void child.ended.then(({ code, signal }) => fail(`ended with ${signal ?? `code ${code}`}`));
  });
  try {
    const port = await listening;
    return {
      url: `http://127.0.0.1:${port}`,
      host: '127.0.0.1',
      port,
      pid: child.pid,
      root,
      async stop() {
        await child.stop(10_000);
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

// JSON is YAML; the level "info" is what announces the port.
function configuration(
  storage: Readonly<Record<string, object>>,
  auth: Readonly<Record<string, object>> | undefined,
): string {
  return JSON.stringify({
    version: '0.1',
    log: { level: 'info', accesslog: { disabled: true } },
    storage: {
      ...storage,
      delete: { enabled: true },
      redirect: { disable: true },
      maintenance: { uploadpurging: { enabled: false } },
    },
    ...(auth && { auth }),
    http: { addr: '127.0.0.1:0', secret: 'one-secret-for-the-tests', relativeurls: true },
  });
}
