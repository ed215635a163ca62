import type { Fault } from '../fault.js';
import { refusal } from './status.js';

/** An object whose bytes are gone: GET and HEAD answer 404. What is written to it still arrives, and stays hidden. */
export function lost(): Fault {
  return {
    name: 'lost object',
    applies: ({ method, target }) => target.object !== undefined && (method === 'GET' || method === 'HEAD'),
    async happen(exchange) {
      exchange.answer(refusal(404));
    },
  };
}
