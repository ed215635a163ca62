import { fileURLToPath } from 'node:url';
import { processContext } from './cli/process-context.js';
import { run } from './cli/program.js';

/** Serves until SIGTERM or SIGINT, as `stackyard serve` does; takes its options. */
export async function main(argv: readonly string[]): Promise<void> {
  process.exitCode = await run(['serve', ...argv], processContext);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
