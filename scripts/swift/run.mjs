import { execFile } from 'node:child_process';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { BedError } from './bed-error.mjs';

const LIMIT_MS = 300_000;

/** Runs a program to its end. Throws BedError with the last thing that it said, unless it succeeds. */
export async function run(command, args, env) {
  try {
    await promisify(execFile)(command, args, { env, timeout: LIMIT_MS });
  } catch (error) {
    const said = error.stderr?.trim().split('\n').at(-1) || error.code || error.signal;
    throw new BedError(`${basename(command)}: ${said}`); // its arguments may hold a password
  }
}
