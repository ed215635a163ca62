import type { Fault } from '../fault.js';
import { refusal } from './status.js';

/**
 * Kills the token of the first request it happens to: that one and each later request with the same token, whatever
 * they are, get 401, until the client uses another. A v1 login that repeats the dead token gives it a new name.
 */
export function expiredToken(): Fault {
  let dead: string | undefined;
  return {
    name: 'expired token',
    applies: ({ token }) => token !== undefined && dead === undefined,
    holds: ({ token }) => token !== undefined && token === dead,
    begin(exchange) {
      if (dead !== undefined) return;
      dead = exchange.token;
      exchange.retireToken();
    },
    async happen(exchange) {
      exchange.answer(refusal(401));
    },
  };
}
