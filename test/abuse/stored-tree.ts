import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileDigests } from '../support/directories.js';

const V2 = 'docker/registry/v2';
const BLOB = /^blobs\/sha256\/([0-9a-f]{2})\/(\1[0-9a-f]{62})\/data$/;
const LINK =
  /^repositories\/[a-z0-9/]+\/(_layers|_manifests\/(revisions|tags\/[^/]+\/(current|index)))(\/sha256\/[0-9a-f]{64})?\/link$/;

/**
 * Fails unless all that a reader could find below the root is whole: every blob hashes to its name, every link of a
 * manifest leads to a blob, every tag to a revision, and nothing else lies there. Answers the digests to which a layer link
 * leads though there is no blob: the link is written while its blob is being placed.
 */
export async function assertWhole(root: string): Promise<readonly string[]> {
  const files = await filesBelow(join(root, V2));
  const early: string[] = [];
  for (const [path, digest] of files) {
    const blob = BLOB.exec(path);
    if (blob !== null) {
      assert.equal(digest, blob[2], `${path} does not hold what its name says`);
      continue;
    }
    assert.match(path, LINK);
    const [algorithm, hex = ''] = (await readFile(join(root, V2, path), 'latin1')).split(':');
    assert.equal(algorithm, 'sha256', path);
    const isThere = files.has(`blobs/sha256/${hex.slice(0, 2)}/${hex}/data`);
    if (!isThere && path.includes('/_layers/')) early.push(`sha256:${hex}`);
    else assert.ok(isThere, `${path} leads to no blob`);
    const tag = /^(repositories\/.*\/_manifests)\/tags\//.exec(path);
    if (tag !== null)
      assert.ok(files.has(`${tag[1]}/revisions/sha256/${hex}/link`), `${path} leads to no revision`);
  }
  return early;
}

/** Fails while upload sessions, segments or temporary files are left. */
export async function assertNothingUnfinished(root: string): Promise<void> {
  for (const directory of ['stackyard/tmp', 'stackyard/segments', 'stackyard/v1/uploads'])
    assert.deepEqual([...(await filesBelow(join(root, directory))).keys()], [], directory);
  const segments = await readdir(join(root, 'stackyard/segments')).catch(() => []);
  assert.deepEqual(segments, [], 'directories of sessions');
}

async function filesBelow(directory: string): Promise<Map<string, string>> {
  try {
    return await fileDigests(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw error;
  }
}
