import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { BedError } from './bed-error.mjs';

const HEALTHY_MS = 180_000;
const POLL_MS = 50;

/** Waits until a service answers at its port, by HTTP where a path is given. Throws BedError once it has ended. */
export async function healthy(service, port, path) {
  const deadline = Date.now() + HEALTHY_MS;
  while (!(await answers(port, path))) {
    if ((await service.running()) === undefined || Date.now() > deadline)
      throw new BedError(`${service.name} did not start: ${await service.lastWords()} (${service.log})`);
    await delay(POLL_MS);
  }
}

async function answers(port, path) {
  if (path === undefined) return accepts(port);
  try {
    const signal = AbortSignal.timeout(HEALTHY_MS);
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

async function accepts(port) {
  const socket = connect({ port, host: '127.0.0.1' });
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  }).finally(() => socket.destroy());
}
