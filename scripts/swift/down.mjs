// Stops what up.mjs started, by the ids of its processes.
//   --root DIR   (.cache/swift)
//   --wipe       removes the folder as well
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BedError, exitOnBedError } from './bed-error.mjs';
import { DEFAULT_ROOT, stopBed } from './bed.mjs';

await main().catch(exitOnBedError);

async function main() {
  const { root, wipe } = parse();
  console.log(`${await stopBed(resolve(root), { wipe })} programs of ${resolve(root)} stopped`);
}

function parse() {
  const options = {
    root: { type: 'string', default: DEFAULT_ROOT },
    wipe: { type: 'boolean', default: false },
  };
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    throw new BedError(error.message);
  }
}
