/** Tells a user what is wrong and what to do; shown as one line without a stack. */
export class BedError extends Error {}

/** Ends the process with one line for a BedError, with everything for an error of ours. */
export function exitOnBedError(error) {
  if (!(error instanceof BedError)) throw error;
  process.stderr.write(`swift: ${error.message}\n`);
  process.exit(1);
}
