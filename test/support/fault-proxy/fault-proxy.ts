import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Exchange } from './exchange.js';
import { Broken } from './faults/broken-connection.js';
import { Origins } from './origins.js';
import { Port } from './port.js';
import { RequestLog, type RecordedRequest, type RequestPattern } from './request-log.js';
import { Rule, type Injection, type InjectionOptions } from './rule.js';
import { MAX_HEADER_BYTES, Upstream } from './upstream.js';

export interface FaultProxyOptions {
  /** The real Swift or Keystone, plain http; of the URL only the origin counts. */
  readonly target: URL;
  /** Before a Keystone: the origin that its catalog is to name for object stores, such as another proxy's. */
  readonly storageOrigin?: string;
}

/** A proxy that passes everything on as it is, until it is told to do otherwise, and notes each request. */
export interface FaultProxy {
  /** `http://127.0.0.1:PORT`, the same until it is stopped. */
  readonly origin: string;
  /** In the order of arrival, since the start or the last reset. */
  readonly requests: readonly RecordedRequest[];
  count(pattern: RequestPattern): number;
  /** Forgets the requests; the faults stay in force. */
  reset(): void;
  /** Puts a fault in force. Of several that a request matches the one injected first happens. */
  inject(options: InjectionOptions): Injection;
  /** Ends all connections and refuses new ones. */
  down(): Promise<void>;
  /** Listens again, on the same port. */
  up(): Promise<void>;
  /** Removes every fault, and is up. */
  heal(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a proxy on a free port of the loopback. */
export async function startFaultProxy({ target, storageOrigin }: FaultProxyOptions): Promise<FaultProxy> {
  if (target.protocol !== 'http:') throw new Error(`a fault proxy speaks plain http, not ${target.protocol}`);
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES, keepAliveTimeout: 0 });
  server.requestTimeout = 0;
  server.headersTimeout = 0;
  const port = new Port(server);
  await port.open();

  const upstream = new Upstream(target, new Origins(port.origin, storageOrigin));
  const log = new RequestLog();
  let rules: readonly Rule[] = [];
  const rulesInForce = (): readonly Rule[] => rules.filter((rule) => !rule.removed.aborted);
  const removeRules = (): void => rules.forEach((rule) => rule.remove());
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const { target, record } = log.add(incoming);
    void serve(new Exchange(incoming, outgoing, upstream, target, record), rulesInForce());
  };
  for (const event of ['request', 'checkContinue', 'checkExpectation']) server.on(event, onRequest);

  return {
    origin: port.origin,
    get requests() {
      return log.requests;
    },
    count: (pattern) => log.count(pattern),
    reset: () => log.reset(),
    inject(options) {
      const rule = new Rule(options);
      rules = [...rulesInForce(), rule];
      return rule;
    },
    down: () => port.close(),
    up: () => port.open(),
    async heal() {
      removeRules();
      await port.open();
    },
    async stop() {
      removeRules();
      await port.close();
      upstream.close();
    },
  };
}

async function serve(exchange: Exchange, rules: readonly Rule[]): Promise<void> {
  const rule = rules.find((candidate) => candidate.takes(exchange));
  exchange.record.injected = rule;
  try {
    for (const { fault } of rules) await fault.observe?.(exchange);
    await (rule === undefined ? exchange.forward() : rule.fault.happen(exchange, rule.removed));
  } catch (error) {
    if (!isConnectionError(error))
      console.error('fault proxy:', exchange.method, exchange.target.path, error);
    // What the client sees of a broken real server is a broken connection.
    if (!(error instanceof Broken)) exchange.reset();
  }
}

function isConnectionError(error: unknown): boolean {
  return error instanceof Broken || (error instanceof Error && 'code' in error);
}
