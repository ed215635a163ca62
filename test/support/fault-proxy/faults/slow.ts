import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../fault.js';
import type { Stage } from '../pump.js';

export interface Pace {
  /** Bytes per second of the request's body. */
  readonly up?: number;
  /** Bytes per second of the answer's body. */
  readonly down?: number;
}

const STEPS_PER_SECOND = 50;

/** Bodies pass at a given pace. */
export function slow({ up, down }: Pace): Fault {
  return {
    name: 'slow',
    happen: (exchange) =>
      exchange.forward({
        ...(up === undefined ? {} : { up: paced(up) }),
        ...(down === undefined ? {} : { down: paced(down) }),
      }),
  };
}

function paced(bytesPerSecond: number): Stage {
  const step = Math.max(1, Math.floor(bytesPerSecond / STEPS_PER_SECOND));
  return async function* (chunks) {
    for await (const chunk of chunks) {
      for (let from = 0; from < chunk.length; from += step) {
        const piece = chunk.subarray(from, from + step);
        await delay((piece.length / bytesPerSecond) * 1000);
        yield piece;
      }
    }
  };
}
