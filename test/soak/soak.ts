// A short soak: several clients push, pull, mount and delete at once for a bounded time, each answer is checked, and so
// is everything that must be there at the end, before and after a restart.
//   node dist/test/soak/soak.js [--seconds 60] [--clients 8] [--workers 2] [--json FILE]
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startServer } from '../support/server-process.js';
import { temporaryDirectory } from '../support/temporary.js';
import { memoryIsKnown, MemoryWatch } from './process-memory.js';
import { sharedBlobs, Workload } from './workload.js';

const MOST_OPERATIONS = 50_000;
const MOST_SHOWN = 20;
/** DESIGN §10 and the issue: the bound under 32 large pushes; this load is lighter. */
const MOST_MEBIBYTES = 250;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    clients: { type: 'string', default: '8' },
    workers: { type: 'string', default: '2' },
    json: { type: 'string' },
  },
});

const checks: { name: string; faults: string[] }[] = [];
const leftOut: { suite: string; reason: string }[] = [];

async function check(name: string, work: () => Promise<string[]>): Promise<void> {
  const faults = await work().catch((error: unknown) => [
    error instanceof Error ? error.message : String(error),
  ]);
  checks.push({ name, faults });
  console.log(`  ${faults.length === 0 ? '✔' : '✘'} ${name}`);
  for (const fault of faults.slice(0, MOST_SHOWN)) console.log(`      ${fault}`);
  if (faults.length > MOST_SHOWN) console.log(`      … and ${faults.length - MOST_SHOWN} more`);
}

async function soak(): Promise<void> {
  const seconds = Number(values.seconds);
  const store = await temporaryDirectory('soak');
  const options = { root: join(store.path, 'data'), workers: Number(values.workers) };
  console.log(`\nsoak: ${values.clients} clients, ${values.workers} workers, ${seconds} s`);
  try {
    let server = await startServer(options);
    const shared = sharedBlobs(12);
    const workloads = Array.from(
      { length: Number(values.clients) },
      (_, i) => new Workload(server.url, `client-${i}`, shared),
    );
    const memory = memoryIsKnown ? new MemoryWatch(server.pid) : undefined;
    await check('every answer is the right one', async () => {
      const faults: string[] = [];
      const deadline = performance.now() + seconds * 1000;
      let left = MOST_OPERATIONS;
      await Promise.all(
        workloads.map(async (workload) => {
          while (performance.now() < deadline && left-- > 0) {
            await workload
              .step()
              .catch((error: unknown) => faults.push(`${workload.name}: ${String(error)}`));
          }
        }),
      );
      console.log(`      ${summary(workloads)}`);
      if (workloads.some(({ counts }) => counts.size === 0)) faults.push('a client did nothing');
      return faults;
    });
    if (memory === undefined) leftOut.push({ suite: 'soak: memory', reason: 'this system has no /proc' });
    else
      await check(`no process grows beyond ${MOST_MEBIBYTES} MiB`, async () => {
        const peaks = [...(await memory.stop()).values()].map(Math.round);
        console.log(`      highest: ${peaks.join(', ')} MiB`);
        if (!peaks.some((peak) => peak > 0)) return ['no memory was measured'];
        return peaks.filter((peak) => peak > MOST_MEBIBYTES).map((peak) => `${peak} MiB`);
      });
    await check('all that was acknowledged is there', () => verify(workloads, server.url));
    await check('the server drains on SIGTERM', async () => {
      const code = await server.stop();
      return code === 0 ? [] : [`it ended with code ${code}`];
    });
    server = await startServer(options);
    await check('all of it is there after a restart', () => verify(workloads, server.url));
    await server.stop();
  } finally {
    await store.remove();
  }
}

async function verify(workloads: readonly Workload[], url: string): Promise<string[]> {
  let images = 0;
  for (const workload of workloads) images += await workload.verify(url);
  console.log(`      ${images} images compared`);
  return images > 0 ? [] : ['there is no image'];
}

function summary(workloads: readonly Workload[]): string {
  const sums = new Map<string, number>();
  for (const { counts } of workloads)
    for (const [name, count] of counts) sums.set(name, (sums.get(name) ?? 0) + count);
  return [...sums].map(([name, count]) => `${name} ${count}`).join(', ');
}

try {
  await soak();
} catch (error) {
  console.error(`soak: ${error instanceof Error ? error.message : String(error)}`);
  checks.push({ name: 'the soak itself', faults: [String(error)] });
}
const failed = checks.filter(({ faults }) => faults.length > 0).length;
const result = { passed: checks.length - failed, failed, skipped: leftOut.length, leftOut };
if (values.json !== undefined) await writeFile(values.json, JSON.stringify(result));
process.exitCode = failed > 0 ? 1 : 0;
