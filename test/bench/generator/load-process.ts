/** The load generator: a process of its own, so that none of its CPU is counted as a server's. */
import { readFileSync } from 'node:fs';
import { Connection } from './connection.js';
import { ContentBlocks } from './content.js';
import { runHeadLoop } from './head-loop.js';
import type { Load, Reply, Request, RunJob } from './jobs.js';
import { perform } from './operations.js';
import { RedirectConnection } from './redirect-connection.js';
import { Measurement } from './summary.js';

const base = readFileSync(process.argv[2] ?? '');

async function run(job: RunJob): Promise<Load> {
  const lanes = Math.min(job.lanes, job.operations.length);
  const opened = await Promise.all(
    Array.from({ length: lanes }, async () => ({
      connection: await Connection.open(job.target),
      blocks: new ContentBlocks(base),
    })),
  );
  const measurement = new Measurement();
  let next = 0;
  await Promise.all(
    opened.map(async ({ connection: first, blocks }) => {
      let connection = first;
      const redirects = new RedirectConnection();
      const follow = (origin: URL): Promise<Connection> => redirects.to(origin);
      for (let operation = job.operations[next++]; operation; operation = job.operations[next++]) {
        try {
          if (!connection.usable) connection = await Connection.open(job.target);
          const began = performance.now();
          const bytes = await perform({ connection, follow, blocks, lenient: job.lenient }, operation);
          measurement.done(performance.now() - began, bytes);
        } catch (error) {
          measurement.failed(error);
          connection.close(); // what state it is in is not known any more
          redirects.close();
        }
      }
      connection.close();
      redirects.close();
    }),
  );
  return measurement.finish();
}

async function replyTo({ id, job }: Request): Promise<Reply> {
  switch (job.kind) {
    case 'run':
      return { id, load: await run(job) };
    case 'head':
      return { id, load: await runHeadLoop(job) };
    case 'digest': {
      const blocks = new ContentBlocks(base);
      return { id, digests: job.contents.map((content) => blocks.digest(content)) };
    }
  }
}

process.on('message', (request: Request) => {
  replyTo(request)
    .catch((error: unknown): Reply => ({
      id: request.id,
      failure: error instanceof Error ? error.message : String(error),
    }))
    .then((reply) => process.send?.(reply))
    .catch((error: unknown) => {
      console.error(error);
      process.exit(1);
    });
});
process.on('disconnect', () => process.exit(0));
