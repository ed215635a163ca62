#!/usr/bin/env -S node --min-semi-space-size=16 --initial-old-space-size=96
import { runAndExit } from './run-and-exit.js';

// A reader such as `head` that has seen enough is no failure, and the work goes on.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

await runAndExit(process.argv.slice(2));
