import assert from 'node:assert/strict';
import type { CommandContext } from '../../src/cli/command-context.js';
import { run } from '../../src/cli/program.js';

export interface Told {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

/** Runs words as a command line in a world that has nothing but what is given. */
export async function told(words: readonly string[], given: Partial<CommandContext>): Promise<Told> {
  let out = '';
  let err = '';
  const unused = (): never => assert.fail('not asked for');
  const code = await run(words, {
    version: '1.2.3',
    out: (text) => (out += text),
    err: (text) => (err += text),
    flushed: async () => undefined,
    readLine: unused,
    stdin: unused,
    stdout: { stream: unused, isTerminal: false },
    interruptible: (work) => work(new AbortController().signal),
    now: unused,
    profiles: { path: '/profiles.json', find: unused, save: unused, remove: unused },
    loadConfig: unused,
    openStore: unused,
    openAdmin: unused,
    connect: unused,
    examine: unused,
    serve: unused,
    ...given,
  });
  return { out, err, code };
}
