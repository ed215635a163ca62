import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readableBytes } from '../../src/domain/byte-size.js';
import { examine, known, type Check } from '../../src/ports/examination.js';
import { failure, ok, warning, type Finding, type Verdict } from '../../src/ports/finding.js';
import { ifAbsent } from './errno.js';

export interface FilesystemExamination {
  readonly root: string;
  /** Who examines; undefined where the system has no such numbers. */
  readonly uid: number | undefined;
}

interface FilesystemFacts extends FilesystemExamination {
  /** The directory whose filesystem has the data: the root, or the nearest above that is there. */
  volume?: string;
  isUsable: boolean;
}

/** Milliseconds: a network filesystem may hang. */
const DEADLINE = 60_000;
const LEAST_FREE = 0.1;

const CHECKS: readonly Check<FilesystemFacts>[] = [
  {
    name: 'root',
    run: checkRoot,
    fix: 'give the directory to the user of the server, or correct storage.filesystem.root',
  },
  { name: 'free space', run: checkSpace, fix: 'check that the volume is mounted' },
];

/** Looks at a root directory and its volume. Returns whether there is a root that a server may open. */
export async function* examineFilesystem(
  options: FilesystemExamination,
): AsyncGenerator<Finding, boolean, void> {
  const facts: FilesystemFacts = { ...options, isUsable: false };
  yield* examine(CHECKS, facts, DEADLINE);
  return facts.isUsable;
}

async function checkRoot(facts: FilesystemFacts): Promise<Verdict> {
  const { root } = facts;
  const found = await stat(root).catch(ifAbsent);
  const volume = found === undefined ? await nearestAbove(root) : root;
  facts.volume = volume;
  if (found !== undefined && !found.isDirectory()) {
    return failure(`${root} is no directory`, 'correct storage.filesystem.root');
  }
  if (found !== undefined && facts.uid === 0 && found.uid !== 0) {
    // What root makes in there, the server could not change.
    return warning(
      `${root} is that of the user ${found.uid}, not of root`,
      'run this as the user of the server',
    );
  }
  await access(volume, constants.R_OK | constants.W_OK | constants.X_OK);
  facts.isUsable = found !== undefined;
  return found === undefined
    ? warning(
        `there is no ${root}: the first start makes it`,
        'correct storage.filesystem.root, or mount its volume, if it should be there already',
      )
    : ok(`${root} may be read and written`);
}

async function nearestAbove(path: string): Promise<string> {
  const above = dirname(path);
  const found = await stat(above).catch(ifAbsent);
  return found?.isDirectory() === true || above === path ? above : nearestAbove(above);
}

async function checkSpace({ volume }: FilesystemFacts): Promise<readonly Verdict[]> {
  const { bavail, blocks, bsize, ffree, files } = await statfs(known(volume, 'the root was not seen'));
  return [
    room(bavail / blocks, `${readableBytes(bavail * bsize)} of ${readableBytes(blocks * bsize)}`),
    // Filesystems that make inodes as they are needed tell none.
    ...(files > 0 ? [room(ffree / files, `${ffree} of ${files} inodes`)] : []),
  ];
}

function room(part: number, amount: string): Verdict {
  const found = `${amount} are free`;
  const fix = 'enlarge the volume, or delete images';
  if (part === 0) return failure(found, fix);
  return part < LEAST_FREE ? warning(found, fix) : ok(found);
}
