// Runs the official OCI conformance suite against Stackyard:
//   node dist/conformance/run.js --mode one|workers|alternate|swift [--json FILE]
// The suite's own files, report.html among them, are left in results/conformance-<mode>/.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startAlternatingProxy } from './alternating-proxy.js';
import { ALLOWED_SKIPS } from './skips.js';
import { runSuite } from './suite.js';
import { judge } from './verdict.js';
import { goTool } from '../test/support/go-tools.js';
import { projectRoot } from '../test/support/project.js';
import { startServer, type ServerProcess } from '../test/support/server-process.js';
import { parseExports, v1AccountOf } from '../test/support/swift-bed.js';
import { swiftEnvironment } from '../test/support/swift-store.js';
import { ADMIN, WITH_LOGINS } from '../test/support/target.js';
import { temporaryDirectory } from '../test/support/temporary.js';

const MODES = ['one', 'workers', 'alternate', 'swift'] as const;
type Mode = (typeof MODES)[number];

interface Subject {
  readonly authority: string;
  stop(): Promise<void>;
}

/** The suite pushes manifests whose references are missing: sparse accepts them. */
const ENV = { STACKYARD_REGISTRY_REFERENCES: 'sparse', ...WITH_LOGINS };

async function start(mode: Mode): Promise<Subject> {
  if (mode === 'alternate') return startTwoProcesses();
  if (mode === 'swift') return startTwoProcesses(await swiftVariables());
  const server = await startServer({ workers: mode === 'workers' ? 2 : 1, env: ENV });
  return { authority: `${server.host}:${server.port}`, stop: () => stopServer(server) };
}

/** Two processes on one store that know nothing of each other, met in turn, so nothing may be cached. */
async function startTwoProcesses(storage: Readonly<Record<string, string>> = {}): Promise<Subject> {
  const store = await temporaryDirectory('store');
  const env = { ...ENV, STACKYARD_CACHE_MAX_AGE: '0s', ...storage };
  const servers: ServerProcess[] = [];
  try {
    for (let i = 0; i < 2; i++) servers.push(await startServer({ root: join(store.path, 'data'), env }));
    const proxy = await startAlternatingProxy(servers);
    return {
      authority: proxy.authority,
      async stop() {
        await proxy.stop();
        for (const server of servers) await stopServer(server);
        await store.remove();
        console.log(`requests sent to each process: ${proxy.sent.join(', ')}`);
        if (proxy.sent.some((count) => count === 0)) throw new Error('a process was sent no request');
      },
    };
  } catch (error) {
    for (const server of servers) await server.stop();
    await store.remove();
    throw error;
  }
}

/** The store is a container of its own in the Swift that SWIFT_TEST_ENV names. */
async function swiftVariables(): Promise<Record<string, string>> {
  const file = process.env['SWIFT_TEST_ENV'];
  if (file === undefined) throw new Error('SWIFT_TEST_ENV names no Swift: start one by scripts/swift/up.mjs');
  const values = parseExports(await readFile(file, 'utf8'));
  return swiftEnvironment(v1AccountOf((name) => values.get(name) ?? ''));
}

async function stopServer(server: ServerProcess): Promise<void> {
  const code = await server.stop();
  if (code !== 0) throw new Error(`the server ended with code ${code} after SIGTERM`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { mode: { type: 'string', default: 'one' }, json: { type: 'string' } },
  });
  const mode = MODES.find((known) => known === values.mode);
  if (mode === undefined) throw new Error(`--mode is one of ${MODES.join(', ')}, not "${values.mode}"`);
  await goTool('conformance');
  const subject = await start(mode);
  const verdict = await runSuite(
    subject.authority,
    ADMIN,
    join(projectRoot, 'results', `conformance-${mode}`),
  )
    .then((result) => judge(result, ALLOWED_SKIPS))
    .finally(() => subject.stop());
  for (const { test, reason } of verdict.allowed) console.log(`skipped: ${test.name}: ${reason}`);
  for (const fault of verdict.faults) console.log(fault);
  const { passed, skipped, faults } = verdict;
  console.log(`OCI conformance (${mode}): ${passed} passed, ${faults.length} failed, ${skipped} skipped`);
  if (values.json !== undefined)
    await writeFile(values.json, JSON.stringify({ passed, failed: faults.length, skipped, leftOut: [] }));
  if (faults.length > 0) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  console.error(`OCI conformance: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
