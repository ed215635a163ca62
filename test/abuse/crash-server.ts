/*
 * A registry on a filesystem store that kills itself with SIGKILL right before its n-th change of the filesystem
 * (n = 0: never). Arguments: root, n. Its first line of output is its port; SIGTERM makes it print how many changes
 * there were.
 */
import fs from 'node:fs';
import type { AddressInfo } from 'node:net';

const [root = '', nth = '0'] = process.argv.slice(2);
const fatal = Number(nth);
let changes = 0;

function change(): void {
  changes += 1;
  if (changes === fatal) process.kill(process.pid, 'SIGKILL');
}

type Call = (...args: unknown[]) => unknown;
const calls = fs as unknown as Record<string, Call>;

// A kill before a write finds what was opened or made for it, so those calls need no turn of their own; and a killed
// process loses nothing that it wrote, so fsync needs none.
const CHANGES = [
  'write',
  'writev',
  'writeFile',
  'link',
  'rename',
  'unlink',
  'rmdir',
  'rm',
  'ftruncate',
  'truncate',
  'copyFile',
];
for (const name of CHANGES.flatMap((each) => [each, `${each}Sync`])) {
  const original = calls[name];
  if (original === undefined) throw new Error(`node:fs has no ${name}`);
  calls[name] = (...args) => {
    change();
    return original(...args);
  };
}

const { createDriver } = await import('../../storage-drivers/index.js');
const { openAccess } = await import('../../src/auth/open-access.js');
const { systemClock, systemIds } = await import('../../src/composition/system.js');
const { noInvalidations } = await import('../../src/composition/worker-bus.js');
const { createDispatcher } = await import('../../src/http/oci/dispatcher.js');
const { createHttpServer } = await import('../../src/http/server.js');
const { createRegistry } = await import('../../src/registry/registry.js');
const { openFormat } = await import('../../src/registry/store-format.js');
const { checked } = await import('../../src/storage/checked.js');

const MIB = 1024 * 1024;
const parts = { clock: systemClock, ids: systemIds };
const driver = checked(createDriver('filesystem', parts, { filesystem: { root } }));
const { shared } = await openFormat(driver);
const registry = createRegistry(
  { ...parts, driver, invalidations: noInvalidations },
  {
    shared,
    references: 'required',
    cacheMaxAge: 5000,
    manifestCacheBytes: MIB,
    uploadMaxAge: 60_000,
    uploadPurgeAfter: 120_000,
  },
);
const oci = createDispatcher({
  registry,
  access: openAccess,
  options: { delete: true, maxManifestBytes: 4 * MIB, maxTagsPerPut: 20, maxPageSize: 1000 },
});
const server = createHttpServer((req, res) => void oci(req, res, {}), {
  headers: 10_000,
  keepAlive: 10_000,
  bodyIdle: 10_000,
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
process.once('SIGTERM', () => {
  process.stdout.write(`${changes}\n`);
  server.close();
  server.closeAllConnections();
});
