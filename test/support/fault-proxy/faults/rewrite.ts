import type { Answer } from '../answer.js';
import type { Fault } from '../fault.js';

/** The request is performed, and its answer, of at most 16 MiB, changed; Content-Length follows the body. */
export function rewrite(change: (answer: Answer) => Answer): Fault {
  return {
    name: 'rewrite',
    async happen(exchange) {
      exchange.answer(change(await exchange.perform()));
    },
  };
}
