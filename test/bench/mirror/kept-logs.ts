import { copyFile, mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContenderName } from './contender.js';

/** Where a contender has its data, its configuration and its logs. */
export function directoryOf(name: ContenderName, directory: string): string {
  return join(directory, name.replaceAll(/\W+/g, '-'));
}

/** Copies the logs of those that failed to where they stay; returns that directory. */
export async function keepLogs(directory: string, names: Iterable<ContenderName>): Promise<string> {
  const kept = await mkdtemp(join(tmpdir(), 'stackyard-bench-logs-'));
  for (const name of names) {
    const place = directoryOf(name, directory);
    const logs = (await readdir(place)).filter((file) => file.endsWith('.log'));
    for (const log of logs)
      await copyFile(join(place, log), join(kept, `${name.replaceAll(/\W+/g, '-')}-${log}`));
  }
  return kept;
}
