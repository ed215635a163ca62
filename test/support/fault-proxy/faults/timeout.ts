import { once } from 'node:events';
import type { Fault } from '../fault.js';
import { momentName, reach, type Moment } from './moment.js';

/** Never answers. The connection stays open until the client gives up or the rule is removed. */
export function timeout(moment: Moment = {}): Fault {
  return {
    name: `timeout${momentName(moment)}`,
    async happen(exchange, removed) {
      await reach(exchange, moment);
      if (!removed.aborted) await Promise.race([exchange.over, once(removed, 'abort')]);
      exchange.reset();
    },
  };
}
