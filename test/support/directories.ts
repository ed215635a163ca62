import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** Each file below a directory with the SHA-256 of its bytes. */
export async function fileDigests(directory: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash);
    found.set(relative(directory, path), hash.digest('hex'));
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Fails unless both directories hold the same files with the same bytes, and at least one. */
export async function assertSameFiles(actual: string, expected: string): Promise<void> {
  const wanted = await fileDigests(expected);
  assert.ok(wanted.size > 0, `${expected} holds no file`);
  assert.deepEqual(await fileDigests(actual), wanted);
}
