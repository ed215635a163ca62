import cluster from 'node:cluster';
import { processContext } from './process-context.js';
import { run } from './program.js';

/**
 * Runs one command line as this process. All is closed by then, so it ends when all is written: at a natural end node 20
 * may spin for ever in its own clean-up over a connection that was never made. A worker ends when its primary has heard it.
 */
export async function runAndExit(argv: readonly string[]): Promise<void> {
  const code = await run(argv, processContext);
  if (code !== 0) process.exitCode = code;
  if (cluster.isWorker) return;
  await Promise.all([process.stdout, process.stderr].map(written));
  process.exit();
}

/** Resolves when a reader has all, or wants no more. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.once('error', () => resolve());
    stream.write('', () => resolve());
  });
}
