import { request, type Agent } from 'node:http';
import { startFaultProxy, type FaultProxy } from './fault-proxy.js';
import { startSmallSwift, type SmallSwift } from './small-swift.js';

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly agent?: Agent;
  readonly signal?: AbortSignal;
  /** In place of the good one. */
  readonly token?: string;
}

export interface CallResult {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** Whether 100 Continue came; a body sent with Expect waits for it. */
  readonly continued: boolean;
}

/** The tests' proxy before its own small Swift. */
export interface ProxyBench {
  readonly swift: SmallSwift;
  readonly proxy: FaultProxy;
  /** One request with a good token, its target sent as it is; rejects with the connection's error. */
  readonly call: (method: string, path: string, options?: CallOptions) => Promise<CallResult>;
  /** The token that a v1 login through the proxy gives. */
  readonly logIn: () => Promise<string>;
}

/** Starts a bench for each test of the suite. */
export function onProxyBench(): () => ProxyBench {
  let bench: ProxyBench;
  beforeEach(async () => {
    const swift = await startSmallSwift();
    const proxy = await startFaultProxy({ target: swift.url });
    bench = {
      swift,
      proxy,
      call: (method, path, options = {}) =>
        callAt(proxy.origin, method, path, {
          ...options,
          headers: { 'X-Auth-Token': options.token ?? swift.token, ...options.headers },
        }),
      logIn: async () => String((await callAt(proxy.origin, 'GET', '/auth/v1.0')).headers['x-auth-token']),
    };
  });
  afterEach(async () => {
    await bench.proxy.stop();
    await bench.swift.stop();
  });
  return () => bench;
}

export function callAt(
  origin: string,
  method: string,
  path: string,
  { headers = {}, body, agent, signal }: CallOptions = {},
): Promise<CallResult> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    let continued = false;
    const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
    const outgoing = request({
      ...{ hostname, port, method, path, headers: { ...length, ...headers }, agent: agent ?? false },
      ...(signal === undefined ? {} : { signal }),
    });
    outgoing.on('error', reject);
    outgoing.on('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const { statusCode: status = 0, headers, rawHeaders } = answer;
        resolve({ status, headers, rawHeaders, body: Buffer.concat(chunks), continued });
      });
    });
    if (headers['Expect'] === undefined) {
      outgoing.end(body);
      return;
    }
    outgoing.flushHeaders();
    outgoing.on('continue', () => {
      continued = true;
      outgoing.end(body);
    });
  });
}
