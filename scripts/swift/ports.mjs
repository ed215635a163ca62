import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below the range from which the kernel takes the ports of outgoing connections.
const [FIRST, LAST] = [20_000, 30_000];
const TRIES = 200;

/** A free port for each name, kept from `ports` where there is one. */
export async function choosePorts(names, ports, address) {
  const chosen = { ...ports };
  for (const name of names) chosen[name] ??= await freePort(new Set(Object.values(chosen)), address);
  return chosen;
}

async function freePort(taken, address) {
  for (let tries = 0; tries < TRIES; tries++) {
    const port = randomInt(FIRST, LAST);
    if (!taken.has(port) && (await isFree(port, address))) return port;
  }
  throw new Error(`no free port found on ${address} between ${FIRST} and ${LAST}`);
}

/** Whether somebody could listen there now. */
export async function isFree(port, address) {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ port, host: address, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
