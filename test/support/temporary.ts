import { mkdtemp, rm } from 'node:fs/promises';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const live = new Set<string>();

// A test run that is interrupted leaves no directories either. Daemons that mount below theirs remove it themselves.
process.on('exit', () => {
  for (const path of live) {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch (error) {
      process.stderr.write(`${path} was left behind: ${String(error)}\n`);
    }
  }
});

export interface TemporaryDirectory {
  readonly path: string;
  /** Removes the directory and all it holds; repeating it is harmless. */
  remove(): Promise<void>;
}

/** A fresh directory under os.tmpdir(); the name stays short because Unix sockets (107 bytes) live in it. */
export async function temporaryDirectory(label = 't'): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), `sy-${label}-`));
  live.add(path);
  return {
    path,
    async remove() {
      await rm(path, { recursive: true, force: true, maxRetries: 3 });
      live.delete(path);
    },
  };
}
