import type { Fault } from '../fault.js';

/** Flips a bit of the byte at this offset of the answer's body; its length and headers stay right. */
export function corrupt({ offset = 0 }: { readonly offset?: number } = {}): Fault {
  return {
    name: `corrupt byte ${offset}`,
    happen: (exchange) =>
      exchange.forward({
        async *down(chunks) {
          let begin = 0;
          for await (const chunk of chunks) {
            const byte = chunk[offset - begin];
            begin += chunk.length;
            if (byte === undefined) {
              yield chunk;
              continue;
            }
            const changed = Buffer.from(chunk);
            changed[changed.length - (begin - offset)] = byte ^ 1;
            yield changed;
          }
        },
      }),
  };
}
