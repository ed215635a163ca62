import { withBody } from '../answer.js';
import { ContainerListing, type Row } from '../container-listing.js';
import type { Exchange } from '../exchange.js';
import type { Fault } from '../fault.js';
import { writtenObjects } from '../object-writes.js';

export interface LagOptions {
  /** How long a listing does not know of a write; without it until the rule is removed. */
  readonly ms?: number;
}

interface Held {
  /** What the listing goes on showing. */
  readonly row: Row | undefined;
  /** By performance.now(). */
  readonly until: number;
}

/**
 * JSON listings of containers do not know of the writes and deletes that came through the proxy while the rule was in
 * force: new objects are missing, deleted ones still there, overwritten ones as they were. Not for `reverse` and `path`.
 */
export function laggingListing({ ms = Infinity }: LagOptions = {}): Fault {
  const containers = new Map<string, Map<string, Held>>();
  return {
    name: 'lagging listing',
    applies: ({ method, target: { container, object, parameters } }) =>
      method === 'GET' &&
      container !== undefined &&
      object === undefined &&
      parameters.get('format') === 'json' &&
      !parameters.has('reverse') &&
      !parameters.has('path'),
    async observe(exchange) {
      for (const { container, object } of await writtenObjects(exchange)) {
        const held = containers.get(container) ?? new Map<string, Held>();
        containers.set(container, held);
        const before = current(held.get(object)) ?? (await listingOf(exchange, container).find(object));
        if (before !== undefined) held.set(object, { row: before.row, until: performance.now() + ms });
      }
    },
    async happen(exchange) {
      const { container = '', parameters, raw } = exchange.target;
      const real = await exchange.ask('GET', raw);
      if (real.status !== 200) return exchange.answer(real);
      const held = [...(containers.get(container) ?? [])].filter(([, entry]) => current(entry) !== undefined);
      const rows = await listingOf(exchange, container).rows(
        parameters,
        new Map(held.map(([name, { row }]) => [name, row])),
      );
      exchange.answer(withBody(real, Buffer.from(JSON.stringify(rows))));
    },
  };
}

function current(held: Held | undefined): Held | undefined {
  return held !== undefined && held.until > performance.now() ? held : undefined;
}

function listingOf(exchange: Exchange, container: string): ContainerListing {
  return new ContainerListing((query) => exchange.ask('GET', `${container}?${query.toString()}`));
}
