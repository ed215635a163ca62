import type { Exchange } from '../exchange.js';
import type { Fault } from '../fault.js';
import type { Stage } from '../pump.js';
import { momentName, reach, type Moment } from './moment.js';

/** A place in a body: so many bytes pass, then the connection breaks; at the body's end if it is shorter. */
export type BodyPlace = { readonly requestBytes: number } | { readonly responseBytes: number };

/** The connection that an exchange needs was broken, as a rule wanted. */
export class Broken extends Error {
  override readonly name = 'Broken';
}

/** The client's connection ends by RST: before an answer, or within a body. */
export function reset(where: Moment | BodyPlace = {}): Fault {
  if ('requestBytes' in where || 'responseBytes' in where) {
    return breakIn('reset', where, (exchange) => exchange.reset());
  }
  return {
    name: `reset${momentName(where)}`,
    async happen(exchange) {
      await reach(exchange, where);
      exchange.reset();
    },
  };
}

/** The connection is closed in good order within a body; of a cut request the real server sees the same end. */
export function cut(place: BodyPlace): Fault {
  return breakIn('cut', place, (exchange) => exchange.close());
}

function breakIn(name: string, place: BodyPlace, end: (exchange: Exchange) => void): Fault {
  const inRequest = 'requestBytes' in place;
  const bytes = inRequest ? place.requestBytes : place.responseBytes;
  return {
    name: `${name} after ${bytes} bytes of the ${inRequest ? 'request' : 'response'}`,
    async happen(exchange) {
      const stage = stopping(bytes, () => end(exchange));
      await exchange.forward(inRequest ? { up: stage } : { down: stage });
    },
  };
}

function stopping(bytes: number, stop: () => void): Stage {
  return async function* (chunks) {
    let left = bytes;
    if (left > 0) {
      for await (const chunk of chunks) {
        yield chunk.subarray(0, left);
        left -= chunk.length;
        if (left <= 0) break;
      }
    }
    stop();
    throw new Broken('the connection was broken');
  };
}
