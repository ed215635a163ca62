import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BedError } from './swift/bed-error.mjs';
import { startBed, stopBed } from './swift/bed.mjs';

const BEDS = fileURLToPath(new URL('../.cache/swift-bed', import.meta.url));
const DOWN = fileURLToPath(new URL('swift/down.mjs', import.meta.url));
const USES = join('test', 'support', 'swift-bed.js');
const IMPORT = /\bfrom\s+'(\.[^']+)'/g;

/**
 * Starts a Swift for this run of the tests and names it in SWIFT_TEST_ENV; it ends with this process, however that
 * ends. A Swift that SWIFT_TEST_ENV names already is used as it is. Returns why there is none, if so.
 */
export async function startTestBed() {
  if (process.env.SWIFT_TEST_ENV !== undefined) return undefined;
  await removeLeftBeds();
  const root = join(BEDS, `${process.pid}`);
  process.on('exit', () => spawnSync(process.execPath, [DOWN, '--root', root, '--wipe']));
  try {
    const { ST_AUTH } = await startBed(root, { keystone: true, secondProxy: true });
    console.log(`Swift for the tests at ${ST_AUTH}`);
  } catch (error) {
    if (!(error instanceof BedError)) throw error;
    return error.message;
  }
  process.env.SWIFT_TEST_ENV = join(root, 'env');
  return undefined;
}

/** Whether one of the compiled test files uses the bed, itself or by what it imports. */
export function usesTestBed(files) {
  const seen = new Set();
  const uses = (file) => {
    if (seen.has(file)) return false;
    seen.add(file);
    if (file.endsWith(USES)) return true;
    const imports = [...readFileSync(file, 'utf8').matchAll(IMPORT)].map(([, name]) => name);
    // What is beside the tests does not use them.
    const beside = imports
      .map((name) => resolve(dirname(file), name))
      .filter((path) => /[\\/]test[\\/]/.test(path));
    return beside.some(uses);
  };
  return files.some(uses);
}

/** Ends what a run left that was killed, by the process ids that it wrote. */
async function removeLeftBeds() {
  for (const pid of names(BEDS)) if (!isAlive(Number(pid))) await stopBed(join(BEDS, pid), { wipe: true });
}

function names(folder) {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
