import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';

export interface BackEnd {
  readonly host: string;
  readonly port: number;
}

export interface AlternatingProxy {
  /** `address:port` */
  readonly authority: string;
  /** How many requests each back end was sent. */
  readonly sent: readonly number[];
  stop(): Promise<void>;
}

/**
 * An HTTP proxy on loopback that sends each request to the next back end in turn, so that no two consecutive requests of
 * a client meet the same process. Bodies stream, headers pass as they are; the upload Locations must be relative.
 */
export async function startAlternatingProxy(backEnds: readonly BackEnd[]): Promise<AlternatingProxy> {
  const agent = new Agent({ keepAlive: true });
  const sent = backEnds.map(() => 0);
  let turn = 0;
  const server = createServer((incoming, outgoing) => {
    const index = turn++ % backEnds.length;
    const backEnd = backEnds[index];
    if (backEnd === undefined) throw new Error('a proxy needs a back end');
    sent[index] = (sent[index] ?? 0) + 1;
    void forward(incoming, outgoing, backEnd, agent);
  });
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    authority: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent,
    async stop() {
      agent.destroy();
      server.closeAllConnections();
      await new Promise<void>((resolve, reject) =>
        server.close((error) => (error ? reject(error) : resolve())),
      );
    },
  };
}

/** Settles when the answer is sent, or the client's connection was destroyed because the back end's broke. */
async function forward(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { host, port }: BackEnd,
  agent: Agent,
): Promise<void> {
  const { method, url, rawHeaders } = incoming;
  const onward = request({ agent, host, port, method, path: url, headers: rawHeaders, setHost: false });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    onward.once('response', resolve);
    onward.once('error', reject);
  });
  // A back end may answer early and stop reading: then its answer is what counts, not the broken upload.
  const uploaded = pipeline(incoming, onward).catch((error: unknown) => error);
  try {
    const answer = await answered;
    outgoing.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.rawHeaders);
    await pipeline(answer, outgoing);
    await uploaded;
  } catch (error) {
    console.error(`alternating proxy: ${method} ${url}: ${String(error)}`);
    outgoing.destroy();
  }
}
