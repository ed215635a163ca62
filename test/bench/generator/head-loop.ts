import { connect, type Socket } from 'node:net';
import type { HeadJob, Load } from './jobs.js';
import { Measurement } from './summary.js';

const endOfHead = Buffer.from('\r\n\r\n');
const statusAt = 'HTTP/1.1 '.length;
const closeLimit = 10_000;

/**
 * wrk waits for the body that an answer to HEAD announces, so HEAD has this loop: prepared requests, one read
 * buffer, no promise per request. An answer is right when its status is 200; lengths are sampled elsewhere.
 */
export async function runHeadLoop(job: HeadJob): Promise<Load> {
  const host = `${job.target.host}:${job.target.port}`;
  const requests = job.paths.map((path) =>
    Buffer.from(`HEAD ${path} HTTP/1.1\r\nHost: ${host}\r\nAccept: ${job.accept}\r\n\r\n`),
  );
  if (requests.length === 0) throw new Error('a HEAD load needs paths');
  const measurement = new Measurement();
  const deadline = performance.now() + job.seconds * 1000;
  let next = 0;

  const lane = (): Promise<void> =>
    new Promise((resolve) => {
      let sentAt = 0;
      let waiting = false;
      let partial: Buffer | undefined;
      const send = (): void => {
        sentAt = performance.now();
        if (sentAt >= deadline) {
          waiting = false;
          socket.destroy();
          return;
        }
        waiting = true;
        socket.write(requests[next++ % requests.length] ?? endOfHead);
      };
      const receive = (bytes: Buffer): void => {
        const head: Buffer = partial ? Buffer.concat([partial, bytes]) : bytes;
        if (head.indexOf(endOfHead) < 0) {
          partial = Buffer.from(head);
          return;
        }
        partial = undefined;
        const status = head.toString('latin1', statusAt, statusAt + 3);
        if (status === '200') measurement.done(performance.now() - sentAt, 0);
        else measurement.failed(`HEAD: ${status}, wanted 200`);
        send();
      };
      const socket: Socket = connect({
        ...job.target,
        onread: {
          buffer: Buffer.allocUnsafe(16 * 1024),
          callback: (length, buffer) => {
            receive(Buffer.from(buffer.buffer, buffer.byteOffset, length));
            return true;
          },
        },
      });
      socket.setNoDelay(true);
      socket.setTimeout(closeLimit, () => socket.destroy(new Error('no answer')));
      socket.on('error', (error) => measurement.failed(error));
      socket.on('connect', send);
      socket.on('close', () => {
        if (waiting) measurement.failed('HEAD: connection closed before the answer');
        resolve();
      });
    });

  await Promise.all(Array.from({ length: job.lanes }, lane));
  return measurement.finish();
}
