import { readFile, writeFile } from 'node:fs/promises';
import { workerLocks } from '../../src/composition/locks.js';

/** What a test has a worker do. */
export type Task =
  | { readonly type: 'hold'; readonly key: string }
  | { readonly type: 'release'; readonly key: string }
  /** Adds one to the number in a file, so often. */
  | { readonly type: 'count'; readonly key: string; readonly path: string; readonly times: number };

/** What the worker tells. */
export type Told = { readonly type: 'ready' | 'holds' | 'counted'; readonly key: string };

const locks = workerLocks();
const releases = new Map<string, () => void>();

async function add(path: string): Promise<void> {
  const count = Number(await readFile(path, 'utf8'));
  await new Promise((resolve) => setImmediate(resolve));
  await writeFile(path, String(count + 1));
}

function tell(told: Told): void {
  process.send?.(told);
}

process.on('message', (task: Task) => {
  if (task.type === 'release') releases.get(task.key)?.();
  else if (task.type === 'hold') {
    void locks.alone(task.key, async () => {
      tell({ type: 'holds', key: task.key });
      await new Promise<void>((resolve) => releases.set(task.key, resolve));
    });
  } else if (task.type === 'count') {
    const { key, path, times } = task;
    void Promise.all(Array.from({ length: times }, () => locks.alone(key, () => add(path)))).then(() =>
      tell({ type: 'counted', key }),
    );
  }
});
tell({ type: 'ready', key: '' });
