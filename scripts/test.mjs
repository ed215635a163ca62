// npm test: everything from a fresh clone. Options:
//   --only GLOB     only the test files that match, e.g. --only 'test/e2e/docker*' (or a part of a path)
//   --conformance   only the official OCI suite, in its four modes
//   --peers         only the clients that are not part of CI: helm, cosign
//   --long          only what takes too long for every day; with --only one part of it: large (a layer of 6 GiB, 64 pushes
//                   at once), docker (3 GiB through two nodes, one of them killed), backends (Swift's own servers hang),
//                   matrix (every fault at every request; writes docs/reliability.md), compose, import (an archive of 2 GiB),
//                   mirror (upstreams that lie, to each client), engines (buildkitd and containerd's CRI, built from source,
//                   with the files of client-config), image (read-only and without root, by a real dockerd),
//                   nodes (deploy/compose.yml: two nodes behind haproxy, each made anew under load),
//                   rolling, clients (restarts and kills of two nodes under load; docker and skopeo then), herd (500 pulls at
//                   once), upgrade (the release before beside this one), cookbook-server, -releases, -accounts, -login, -container,
//                   -mishaps, -controls, -stand-in (the cookbook on a host with systemd)
//   --all           the tests, the parts upgrade, rolling (one round) and cookbook-…, the OCI suite in four modes, and a short soak, as CI does
//   --require-all   a suite whose program is missing fails instead of being left out (CI=true means it too)
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { exitOnPrepareError, prepare } from './prepare.mjs';
import { installTestPackages } from './system-packages.mjs';
import { startTestBed, usesTestBed } from './test-bed.mjs';
import { Transcript } from './transcript.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const TEST_FILES = join(ROOT, 'dist', 'test');
const CONFORMANCE_MODES = ['one', 'workers', 'alternate', 'swift'];
const MINUTE = 60_000;
const STAGE_LIMIT = 15 * MINUTE;
/** Processes that take the tests which need no Swift. */
const UNIT_PARTS = 6;
const LONG_PARTS = {
  large: { file: 'faults/large-layer.long.js' },
  docker: { file: 'e2e/swift-two-nodes.test.js', env: { STACKYARD_TEST_LAYER_MIB: '3072' } },
  backends: { file: 'faults/backends.long.js' },
  matrix: { file: 'faults/matrix.long.js' },
  compose: { file: 'long/compose.test.js' },
  import: { file: 'archive/import.long.js' },
  mirror: { file: 'long/mirror-clients.test.js' },
  engines: { file: 'long/client-engines.test.js' },
  rolling: { file: 'long/rolling-restart.test.js', env: { STACKYARD_TEST_ROUNDS: '4' } },
  clients: { file: 'long/rolling-clients.test.js' },
  herd: { file: 'long/herd.test.js' },
  upgrade: { file: 'long/upgrade.test.js' },
  image: { file: 'long/image.test.js' },
  nodes: { file: 'long/two-nodes.test.js' },
  'cookbook-server': { file: 'long/cookbook-server.test.js' },
  'cookbook-accounts': { file: 'long/cookbook-accounts.test.js' },
  'cookbook-mishaps': { file: 'long/cookbook-mishaps.test.js' },
  'cookbook-login': { file: 'long/cookbook-login.test.js' },
  'cookbook-releases': { file: 'long/cookbook-releases.test.js' },
  'cookbook-controls': { file: 'long/cookbook-controls.test.js' },
  'cookbook-container': { file: 'long/cookbook-container.test.js' },
  'cookbook-stand-in': { file: 'long/cookbook-stand-in.test.js' },
};
/** Those that CI has, too. */
const CI_PARTS = Object.keys(LONG_PARTS).filter((name) => /^(upgrade|rolling|cookbook-.*)$/.test(name));
const STOP_MS = 40_000;
/** What a process that ended may take to close its output. */
const OUTPUT_MS = 10_000;

/** Runs child processes; a signal to us ends those that run, by their ids, and then us. */
class Run {
  #running = new Set();
  #signalled;

  constructor() {
    for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
      process.on(signal, () => {
        if (this.#running.size === 0 || this.#signalled !== undefined) process.exit(code);
        this.#signalled = code;
        for (const child of this.#running) child.kill('SIGTERM');
      });
    }
  }

  /** Waits for a child's end, at most `limitMs`; after a signal it does not return. */
  async watch(child, limitMs = 30 * MINUTE) {
    this.#running.add(child);
    let late = false;
    let killer;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGTERM');
      killer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    }, limitMs);
    const exit = await new Promise((resolve) => {
      child.once('error', (error) => resolve({ code: 1, why: `cannot be started: ${error.message}` }));
      child.once('exit', (code, signal) => {
        // What it started and left running may hold its output open.
        const left = setTimeout(() => {
          for (const stream of [child.stdout, child.stderr]) stream?.destroy();
          resolve({ code: 1, why: 'a process that it left running' });
        }, OUTPUT_MS);
        child.once('close', () => {
          clearTimeout(left);
          resolve({ code: code ?? 1, why: signal ?? `code ${code}` });
        });
      });
    });
    clearTimeout(timer);
    clearTimeout(killer);
    this.#running.delete(child);
    if (this.#signalled !== undefined) {
      if (this.#running.size === 0) process.exit(this.#signalled);
      await new Promise(() => {});
    }
    return late ? { code: 1, why: `not done within ${limitMs / MINUTE} minutes` } : exit;
  }

  /** With `print` its output is given to that, else shown, as it comes. */
  async node(args, { limitMs, env, print } = {}) {
    const out = print === undefined ? 'inherit' : 'pipe';
    const options = { cwd: ROOT, stdio: ['ignore', out, out], env: { ...process.env, ...env } };
    const child = spawn(process.execPath, args, options);
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', print);
    return this.watch(child, limitMs);
  }
}

/** Adds up what the steps report. */
class Total {
  passed = 0;
  failed = 0;
  skipped = 0;
  leftOut = [];
  failures = [];

  add({ passed, failed, skipped, leftOut }) {
    this.passed += passed;
    this.failed += failed;
    this.skipped += skipped;
    this.leftOut.push(...leftOut);
  }

  leaveOut(suite) {
    this.skipped++;
    this.leftOut.push(suite);
  }

  fail(what) {
    this.failed++;
    this.failures.push(what);
  }

  print() {
    console.log('');
    if (this.leftOut.length > 0) console.log('left out:');
    for (const line of new Set(this.leftOut.map(({ suite, reason }) => `  ${suite}: ${reason}`)))
      console.log(line);
    for (const failure of this.failures) console.log(`failed: ${failure}`);
    console.log(`${this.passed} passed, ${this.failed} failed, ${this.skipped} skipped`);
  }
}

const options = parseArgs({
  options: {
    only: { type: 'string' },
    peers: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    conformance: { type: 'boolean', default: false },
    all: { type: 'boolean', default: false },
    'require-all': { type: 'boolean', default: false },
  },
}).values;

const ci = process.env.CI === 'true';
let swiftStart;
const run = new Run();
const total = new Total();
const results = mkdtempSync(join(tmpdir(), 'sy-results-'));
process.on('exit', () => rmSync(results, { recursive: true, force: true }));
if (options['require-all']) process.env.STACKYARD_TEST_REQUIRE_ALL = '1';

await prepare().catch(exitOnPrepareError);
if (options.peers) {
  await mocha('peers', inFolder('peers'), 30 * MINUTE);
} else if (options.long) {
  await installTestPackages(run, { long: true });
  for (const [name, { file, env }] of Object.entries(LONG_PARTS)) {
    if (options.only !== undefined && options.only !== name) continue;
    await mocha(name, [join(TEST_FILES, file)], 120 * MINUTE, env);
  }
} else if (options.conformance) {
  for (const mode of CONFORMANCE_MODES) await conformance(mode);
} else if (options.only !== undefined) {
  await installTestPackages(run);
  await mocha('tests', allFiles().filter(matching(options.only)), 20 * MINUTE);
} else {
  if (ci) await staticChecks();
  await installTestPackages(run, { long: options.all });
  const apart = ['e2e', 'peers', 'bench', 'soak', 'long'].flatMap(inFolder);
  const unit = allFiles().filter((path) => !apart.includes(path));
  const onSwift = unit.filter((path) => usesTestBed([path]));
  const offSwift = unit.filter((path) => !onSwift.includes(path));
  const units = Array.from({ length: UNIT_PARTS }, (_, part) => ({
    name: `unit ${part + 1}`,
    files: offSwift.filter((_, index) => index % UNIT_PARTS === part),
  }));
  await twoAtATime([{ name: 'e2e', files: inFolder('e2e') }, { name: 'swift', files: onSwift }, ...units]);
  for (const mode of options.all ? CONFORMANCE_MODES : ['one']) await conformance(mode);
  if (options.all) {
    const files = CI_PARTS.map((name) => join(TEST_FILES, LONG_PARTS[name].file));
    await mocha('long', files, STAGE_LIMIT);
  }
  if (options.all) await soak();
}
if (total.passed + total.failed === 0) total.fail('no test ran');
if (ci && total.skipped > 0) total.fail(`${total.skipped} tests were skipped, and none may be in CI`);
total.print();
process.exitCode = total.failed > 0 ? 1 : 0;

async function staticChecks() {
  for (const [name, args] of [
    [
      'prettier',
      [join('node_modules', 'prettier', 'bin', 'prettier.cjs'), '--check', '--log-level=warn', '.'],
    ],
    ['eslint', [join('node_modules', 'eslint', 'bin', 'eslint.js'), '.']],
  ]) {
    const { code, why } = await run.node(args, { limitMs: 10 * MINUTE });
    if (code !== 0) total.fail(`${name}: ${why}`);
  }
}

/** Runs these mochas in this order, two at a time: the longest first. */
async function twoAtATime(mochas) {
  const transcript = new Transcript((text) => process.stdout.write(text));
  process.once('exit', () => transcript.flush());
  const waiting = [...mochas];
  const lane = async () => {
    for (let next; (next = waiting.shift()) !== undefined;) {
      const { write, end } = transcript.begin();
      await mocha(next.name, next.files, STAGE_LIMIT, undefined, write).finally(end);
    }
  };
  const ended = await Promise.allSettled([lane(), lane()]);
  for (const { reason } of ended) if (reason !== undefined) throw reason;
}

async function mocha(name, files, limitMs, env, print) {
  const missing = files.filter((file) => !existsSync(file));
  if (files.length === 0 || missing.length > 0)
    return total.fail(`${name}: there is no test${missing.map((file) => ` ${file}`).join('')}`);
  if (usesTestBed(files)) await (swiftStart ??= swift());
  const output = join(results, `${name}.json`);
  const args = [
    join('node_modules', 'mocha', 'bin', 'mocha.js'),
    ...['--reporter', join(TEST_FILES, 'support', 'reporter.js'), '--reporter-option', `output=${output}`],
    // Over a connection that was never made node 20 may spin for ever in its own clean-up at a natural end.
    ...['--exit', '--timeout', '60000', ...(ci ? ['--forbid-only'] : [])],
    ...(process.stdout.isTTY ? ['--color'] : []),
    ...files,
  ];
  collect(name, output, await run.node(args, { limitMs, env, print }));
}

/** Has a Swift for the suites that use one; without it they are left out, or fail where all is required. */
async function swift() {
  const why = await startTestBed();
  if (why === undefined) return;
  console.log(`no Swift for the tests: ${why}`);
  if (ci || options['require-all']) total.fail(`Swift: ${why}`);
}

async function conformance(mode) {
  if (mode === 'swift') await (swiftStart ??= swift());
  if (mode === 'swift' && process.env.SWIFT_TEST_ENV === undefined) {
    total.leaveOut({ suite: 'OCI conformance (swift)', reason: 'there is no Swift' });
    return;
  }
  const output = join(results, `conformance-${mode}.json`);
  const args = [join('dist', 'conformance', 'run.js'), '--mode', mode, '--json', output];
  collect(`OCI conformance (${mode})`, output, await run.node(args, { limitMs: 15 * MINUTE }));
}

async function soak() {
  const output = join(results, 'soak.json');
  const args = [join('dist', 'test', 'soak', 'soak.js'), '--seconds', '60', '--json', output];
  collect('soak', output, await run.node(args, { limitMs: 5 * MINUTE }));
}

/** Counts what a step left in its file; a bad end that its counts do not show is a failure of its own. */
function collect(name, output, { code, why }) {
  let result;
  try {
    result = JSON.parse(readFileSync(output, 'utf8'));
  } catch (error) {
    total.fail(`${name}: ended with ${why} and left no result (${error.code ?? error.message})`);
    return;
  }
  total.add(result);
  if (code !== 0 && result.failed === 0) total.fail(`${name}: ended with ${why}`);
}

function allFiles() {
  return readdirSync(TEST_FILES, { recursive: true })
    .filter((path) => path.endsWith('.test.js'))
    .map((path) => join(TEST_FILES, path))
    .sort();
}

function inFolder(folder) {
  return allFiles().filter((path) => path.startsWith(join(TEST_FILES, folder) + sep));
}

/** A test for the compiled files whose source path matches the glob, or holds the text. */
function matching(glob) {
  const source = (path) => relative(join(ROOT, 'dist'), path).replace(/\.js$/, '.ts');
  if (!/[*?]/.test(glob)) return (path) => source(path).includes(glob);
  const pattern = glob
    .split(/(\*\*\/?|\*|\?)/)
    .map((part) => {
      if (part.startsWith('**')) return '.*';
      if (part === '*') return '[^/]*';
      if (part === '?') return '[^/]';
      return part.replace(/[.+^${}()|[\]\\]/g, '\\$&');
    })
    .join('');
  const whole = new RegExp(`^${pattern}(\\.test)?(\\.ts)?$`);
  return (path) => whole.test(source(path));
}
