import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { startChild, Tail } from './child.js';
import { temporaryDirectory } from './temporary.js';

export interface LoadBalancer {
  readonly authority: string;
  readonly url: string;
  stop(): Promise<void>;
}

/** haproxy before servers on loopback: round robin, no affinity, a server that does not answer is left out. */
export async function startHaproxy(
  program: string,
  ports: readonly number[],
  { connections = 500 } = {},
): Promise<LoadBalancer> {
  const home = await temporaryDirectory('haproxy');
  const port = await freePort();
  const file = join(home.path, 'haproxy.cfg');
  const servers = ports.map((each, i) => `  server s${i} 127.0.0.1:${each} check inter 500ms fall 2 rise 1`);
  await writeFile(
    file,
    [
      'global',
      `  maxconn ${connections}`,
      'defaults',
      '  mode http',
      '  timeout connect 2s',
      '  timeout client 120s',
      '  timeout server 120s',
      '  timeout check 5s',
      '  retries 2',
      // A request that never reached a server may go to the other; one that did is the client's to repeat.
      '  option redispatch 1',
      '  retry-on conn-failure',
      'frontend registry',
      `  bind 127.0.0.1:${port}`,
      '  default_backend nodes',
      'backend nodes',
      '  balance roundrobin',
      '  option httpchk GET /readyz',
      ...servers,
      '',
    ].join('\n'),
  );
  const tail = new Tail();
  const child = await startChild(program, ['-db', '-f', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.process.stdout, child.process.stderr])
    stream?.on('data', (chunk: Buffer) => tail.add(chunk.toString()));
  const url = `http://127.0.0.1:${port}`;
  try {
    await answering(url, () => child.running());
  } catch (error) {
    await child.stop(2000);
    await home.remove();
    throw new Error(`haproxy does not serve: ${tail.oneLine()}`, { cause: error });
  }
  return {
    authority: `127.0.0.1:${port}`,
    url,
    async stop() {
      await child.stop(5000);
      await home.remove();
    },
  };
}

async function answering(url: string, running: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (running() && performance.now() < deadline) {
    const status = await fetch(`${url}/readyz`).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('no answer');
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
