import { fileURLToPath } from 'node:url';
import { runAndExit } from './cli/run-and-exit.js';

/** Serves until SIGTERM or SIGINT, as `stackyard serve` does; takes its options. */
export async function main(argv: readonly string[]): Promise<void> {
  await runAndExit(['serve', ...argv]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
