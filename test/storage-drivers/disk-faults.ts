import fs from 'node:fs';
import { relative } from 'node:path';

type Call =
  'open' | 'fsync' | 'link' | 'rename' | 'writev' | 'readdir' | 'stat' | 'mkdir' | 'unlink' | 'copyFile';
type AnyFunction = (...values: unknown[]) => unknown;

/** Replaces one call of node:fs until `restore`. */
function replace(call: Call, make: (original: AnyFunction) => AnyFunction): () => void {
  const functions = fs as unknown as Record<Call, AnyFunction>;
  const original = functions[call];
  functions[call] = make(original);
  return () => (functions[call] = original);
}

/** Runs `step` while a call of node:fs fails with this code, wherever `when` holds of its first argument. */
export async function whileFailing<T>(
  call: Call,
  code: string,
  step: () => Promise<T>,
  when: (first: unknown) => boolean = () => true,
): Promise<T> {
  const restore = replace(call, (original) => (...values) => {
    if (!when(values[0])) return original(...values);
    const done = values.at(-1) as (error: Error) => void;
    process.nextTick(done, Object.assign(new Error(`${code}: it was made to fail, ${call}`), { code }));
    return undefined;
  });
  try {
    return await step();
  } finally {
    restore();
  }
}

/** Runs `step` while writes wait for `release`; tells how many have begun. */
export async function whileWritesWait<T>(
  step: (writes: { begun: () => number; release: () => void }) => Promise<T>,
): Promise<T> {
  const waiting: (() => unknown)[] = [];
  let begun = 0;
  let released = false;
  const restore = replace('writev', (original) => (...values) => {
    begun += 1;
    if (released) return original(...values);
    return waiting.push(() => original(...values));
  });
  const release = (): void => {
    released = true;
    for (const write of waiting.splice(0)) write();
  };
  try {
    return await step({ begun: () => begun, release });
  } finally {
    release();
    restore();
  }
}

/** What `step` asked of the disk, in order: the call and its path below the root; a sync once it is done. */
export async function recorded(
  root: string,
  calls: readonly Call[],
  step: () => Promise<unknown>,
): Promise<string[]> {
  const trace: string[] = [];
  const paths = new Map<unknown, string>();
  const shown = (path: unknown): string => relative(root, String(path)) || '.';
  const openSync = fs.openSync.bind(fs);
  fs.openSync = (...values: Parameters<typeof openSync>) => {
    const fd = openSync(...values);
    paths.set(fd, shown(values[0]));
    return fd;
  };
  const restores = (['open', ...calls] as Call[]).map((call) =>
    replace(call, (original) => (...values) => {
      const done = values.pop() as AnyFunction;
      if (call !== 'open' && call !== 'fsync')
        trace.push(`${call} ${shown(values[call === 'link' || call === 'rename' ? 1 : 0])}`);
      return original(...values, (...results: unknown[]) => {
        if (call === 'open' && !results[0]) paths.set(results[1], shown(values[0]));
        if (call === 'fsync') trace.push(`fsync ${paths.get(values[0])}`);
        done(...results);
      });
    }),
  );
  try {
    await step();
  } finally {
    for (const restore of restores) restore();
    fs.openSync = openSync;
  }
  return trace;
}
