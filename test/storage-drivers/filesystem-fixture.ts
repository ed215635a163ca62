import fs from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import type { DriverFixture } from '../../storage-drivers/driver-suite/driver-suite.js';
import { countingIds } from '../../storage-drivers/driver-suite/subject.js';
import { createFilesystemDriver } from '../../storage-drivers/filesystem/filesystem-driver.js';
import { testClock } from './memory-fixture.js';

/** What a store keeps when it is empty. */
const KEPT = new Set(['stackyard', 'stackyard/tmp', 'stackyard/segments', 'stackyard/v1']);
const KEPT_OF_DISTRIBUTION = new Set(['docker', 'docker/registry', 'docker/registry/v2']);

export interface FilesystemFixture extends DriverFixture {
  readonly root: string;
}

/** A filesystem driver in a directory of its own; files, directories and open descriptors count as left over. */
export async function filesystemFixture(): Promise<FilesystemFixture> {
  const root = await mkdtemp(join(tmpdir(), 'stackyard-driver-'));
  let opened = 0;
  const open = (): StorageDriver =>
    createFilesystemDriver({ root, clock: testClock, ids: countingIds((opened += 1) * 1_000_000) });
  return {
    root,
    driver: open(),
    reopen: async () => open(),
    leftovers: async () => [...(await filesBelow(root)), ...(await openBelow(root))],
    destroy: () => rm(root, { recursive: true }),
  };
}

/** Everything below the root, apart from the directories that stay. */
export async function filesBelow(root: string): Promise<string[]> {
  const names = await readdir(root, { recursive: true });
  return names.filter((name) => !KEPT.has(name) && !KEPT_OF_DISTRIBUTION.has(name));
}

/** Descriptors of files below the root; one whose read is under way gets a moment to end. */
async function openBelow(root: string): Promise<string[]> {
  for (let attempt = 0; ; attempt++) {
    const open = fs.readdirSync('/proc/self/fd').flatMap((fd) => {
      const path = targetOf(`/proc/self/fd/${fd}`);
      return path.startsWith(root) ? [`open: ${path}`] : [];
    });
    if (open.length === 0 || attempt === 50) return open;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function targetOf(link: string): string {
  try {
    return fs.readlinkSync(link);
  } catch {
    return '';
  }
}
