import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What came, in the order in which it came. */
export interface SeenRequest {
  readonly method: string;
  /** As it was sent. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
}

/** A server on loopback that answers as it is told. */
export class ScriptedServer {
  readonly seen: SeenRequest[] = [];

  private constructor(readonly server: Server) {}

  static async start(answer: RequestListener): Promise<ScriptedServer> {
    const server = createServer();
    const scripted = new ScriptedServer(server);
    const handle = (req: IncomingMessage, res: ServerResponse): void => {
      const { method = '', url = '', headers } = req;
      scripted.seen.push({ method, path: url, headers });
      answer(req, res);
    };
    server.on('request', handle).on('checkContinue', handle);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return scripted;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

export function answerJson(
  res: ServerResponse,
  value: unknown,
  { status = 200, ...headers }: { readonly status?: number; readonly [name: string]: unknown } = {},
): void {
  res.writeHead(status, { 'Content-Type': 'application/json', ...(headers as Record<string, string>) });
  res.end(JSON.stringify(value));
}

export function answerProblem(res: ServerResponse, status: number, code: string, more = {}): void {
  const body = { type: `urn:x:${code}`, title: code, status, code, detail: `the ${code} of it` };
  answerJson(res, body, { status, 'Content-Type': 'application/problem+json', ...more });
}
