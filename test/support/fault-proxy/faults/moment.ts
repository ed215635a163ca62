import type { Exchange } from '../exchange.js';

/** How far a request gets before it goes wrong. Without an option: nowhere, not even its body is asked for. */
export interface Moment {
  /** Its body is read to the end; the real server hears nothing of it. */
  readonly afterBody?: boolean;
  /** The real server performs it, and its answer is lost. */
  readonly afterTheFact?: boolean;
}

export async function reach(exchange: Exchange, { afterBody, afterTheFact }: Moment): Promise<void> {
  if (afterTheFact === true) await exchange.perform();
  else if (afterBody === true) await exchange.drain();
}

export function momentName({ afterBody, afterTheFact }: Moment): string {
  if (afterTheFact === true) return ' after the fact';
  return afterBody === true ? ' after the body' : '';
}
