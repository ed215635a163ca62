import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './prepare-lock.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const LEAST_NODE = [20, 19];
const SOURCE_FOLDERS = ['src', 'storage-drivers', 'test', 'conformance'];
const OUTPUT = /(\.d\.ts|\.js\.map|\.js)$/;

/** Tells a user what to do; shown as one line without a stack. */
export class PrepareError extends Error {}

/**
 * Makes a checkout ready to run: dependencies as in package-lock.json and a current dist/. Fast when nothing is to be
 * done. Several processes may call it at once; one works, the others wait. A packed package is left as it is.
 */
export async function prepare({ quiet = false, root = ROOT } = {}) {
  checkNode(process.versions.node);
  if (!existsSync(join(root, 'tsconfig.json')) || !existsSync(join(root, 'src'))) return;
  if (isInstalled(root) && isBuilt(root)) return;
  const tell = (text) => {
    if (!quiet) process.stderr.write(`stackyard: ${text}\n`);
  };
  const onWait = () => tell('waiting for another start that prepares this checkout…');
  await withLock(join(root, '.cache', 'prepare.lock'), { onWait }, async () => {
    if (!isInstalled(root)) await install(root, tell);
    if (!isBuilt(root)) await build(root, tell);
  });
}

/** Throws PrepareError unless the version is one we run on. */
export function checkNode(version) {
  const [major, minor] = version.split('.').map(Number);
  if (major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1])) return;
  throw new PrepareError(
    `Node.js ${LEAST_NODE.join('.')} or newer is needed, this is ${version}: install a newer one`,
  );
}

const lockStamp = (root) => join(root, 'node_modules', '.stackyard-lock');

function isInstalled(root) {
  const lock = read(join(root, 'package-lock.json'));
  if (lock === undefined) return existsSync(join(root, 'node_modules'));
  const wanted = sha256(lock);
  if (read(lockStamp(root)) === wanted) return true;
  return matchesInstalled(lock, read(join(root, 'node_modules', '.package-lock.json')));
}

/** Whether what npm says it installed (by whatever command) is what the lock asks for, development packages included. */
function matchesInstalled(lock, installed) {
  if (installed === undefined) return false;
  const there = JSON.parse(installed).packages ?? {};
  return Object.entries(JSON.parse(lock).packages ?? {})
    .filter(
      ([path, { optional, devOptional }]) => path !== '' && (path in there || !(optional || devOptional)),
    )
    .every(
      ([path, { version, integrity }]) =>
        there[path]?.version === version && there[path]?.integrity === integrity,
    );
}

async function install(root, tell) {
  tell('installing dependencies…');
  // --include=dev: with NODE_ENV=production npm would leave out the compiler.
  await run(
    ...npm(),
    ['ci', '--no-audit', '--no-fund', '--include=dev'],
    root,
    'npm ci failed; correct what it says and start again',
  );
  mkdirSync(join(root, 'node_modules'), { recursive: true });
  writeFileSync(lockStamp(root), sha256(readFileSync(join(root, 'package-lock.json'))));
}

/** The npm that started us, else the one of the path. */
function npm() {
  const started = process.env.npm_execpath;
  const isNpm = started !== undefined && basename(started) === 'npm-cli.js' && existsSync(started);
  return isNpm ? [process.execPath, [started]] : ['npm', []];
}

const buildStamp = (root) => join(root, 'dist', '.stamp');

function isBuilt(root) {
  const sources = sourcesOf(root);
  return (
    read(buildStamp(root)) === fingerprint(root, sources) &&
    sources.every((source) => existsSync(outputOf(root, source)))
  );
}

async function build(root, tell) {
  tell('building…');
  const sources = sourcesOf(root);
  const print = fingerprint(root, sources);
  rmSync(buildStamp(root), { force: true });
  // The incremental state believes in outputs that somebody removed.
  if (!sources.every((source) => existsSync(outputOf(root, source))))
    rmSync(join(root, 'dist', '.tsbuildinfo'), { force: true });
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  await run(
    process.execPath,
    [compiler],
    ['-p', 'tsconfig.json'],
    root,
    'the build failed; correct the errors and start again',
  );
  removeOrphans(root, new Set(sources));
  writeFileSync(buildStamp(root), print);
}

function sourcesOf(root) {
  return SOURCE_FOLDERS.flatMap((folder) => filesBelow(join(root, folder)))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .map((path) => relative(root, path))
    .sort();
}

function outputOf(root, source) {
  return join(root, 'dist', source.replace(/\.ts$/, '.js'));
}

/** Changes when a source, the compiler's options or the dependencies do. */
function fingerprint(root, sources) {
  const facts = [...sources, 'tsconfig.json', 'package-lock.json'].map((path) => {
    const file = statSync(join(root, path), { throwIfNoEntry: false });
    return `${path} ${file?.size} ${file?.mtimeMs}`;
  });
  return sha256(facts.join('\n'));
}

/** Removes the outputs whose source is gone, else a deleted test would still run. */
function removeOrphans(root, sources) {
  const dist = join(root, 'dist');
  for (const folder of SOURCE_FOLDERS) {
    for (const path of filesBelow(join(dist, folder))) {
      if (OUTPUT.test(path) && !sources.has(relative(dist, path).replace(OUTPUT, '.ts'))) rmSync(path);
    }
    removeEmptyFolders(join(dist, folder));
  }
}

function removeEmptyFolders(folder) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmptyFolders(join(folder, entry.name));
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}

function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

/** Runs a command quietly; its output is shown only when it fails. A signal to us ends it first. */
async function run(command, before, args, cwd, failure) {
  const child = spawn(command, [...before, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = [];
  child.stdout.on('data', (bytes) => output.push(bytes));
  child.stderr.on('data', (bytes) => output.push(bytes));
  let signalled;
  const forward = (signal) => {
    signalled = signal;
    child.kill(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, forward);
  try {
    const code = await new Promise((resolve, reject) => {
      child.once('error', (error) =>
        reject(new PrepareError(`${command} cannot be started (${error.code}): install it`)),
      );
      child.once('close', resolve);
    });
    if (signalled !== undefined) throw new PrepareError(`stopped by ${signalled}`);
    if (code === 0) return;
  } finally {
    for (const signal of signals) process.removeListener(signal, forward);
  }
  process.stderr.write(Buffer.concat(output));
  throw new PrepareError(failure);
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  }
}

function sha256(data) {
  return createHash('sha256').update(data).digest('hex');
}

/** Ends the process with one line for a PrepareError, with everything for an error of ours. */
export function exitOnPrepareError(error) {
  if (!(error instanceof PrepareError)) throw error;
  process.stderr.write(`stackyard: ${error.message}\n`);
  process.exit(1);
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await prepare().catch(exitOnPrepareError);
}
