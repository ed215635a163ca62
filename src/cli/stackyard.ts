#!/usr/bin/env -S node --min-semi-space-size=16 --initial-old-space-size=96
import { processContext } from './process-context.js';
import { run } from './program.js';

// A reader such as `head` that has seen enough is no failure, and the work goes on.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

process.exitCode = await run(process.argv.slice(2), processContext);
