import type { Exchange } from './exchange.js';

/** Something that goes wrong with a request. One object belongs to one injection: it may remember what it saw. */
export interface Fault {
  readonly name: string;
  /** Whether it can happen to this request; others are not counted. Without it: to every one. */
  applies?(exchange: Exchange): boolean;
  /** Whether an earlier hit already decides about this request, whatever the rule's match says. */
  holds?(exchange: Exchange): boolean;
  /** Told at the arrival of each request that it happens to. */
  begin?(exchange: Exchange): void;
  /** Sees every request of the proxy before it is served, also those that it does not happen to. */
  observe?(exchange: Exchange): Promise<void>;
  /** Serves the request, badly. `removed` aborts when the injection is removed. */
  happen(exchange: Exchange, removed: AbortSignal): Promise<void>;
}
