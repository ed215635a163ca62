import assert from 'node:assert/strict';
import { ConfigError, loadConfig, type Config } from '../../src/config/index.js';

/** What a configuration is loaded from, in the working directory /etc/app. */
export interface Given {
  readonly env?: Readonly<Record<string, string>>;
  /** The text of /etc/app/stackyard.yaml. */
  readonly yaml?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly configPath?: string;
}

export function load(given: Given): Config {
  const { env = {}, configPath } = given;
  return loadConfig({ env, cwd: '/etc/app', configPath, readFile: reader(given) });
}

/** The lines that loading ends with. */
export function problems(given: Given): readonly string[] {
  return problemsOf(() => load(given));
}

export function problemsOf(action: () => unknown): readonly string[] {
  try {
    action();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return assert.fail('the configuration was accepted');
}

/** Reads the files that are given, as node:fs would. */
export function reader({ yaml, files = {} }: Given): (path: string) => string {
  const all = new Map(Object.entries(files));
  if (yaml !== undefined) all.set('/etc/app/stackyard.yaml', yaml);
  return (path) => {
    const text = all.get(path);
    if (text === undefined) throw Object.assign(new Error('no'), { code: 'ENOENT' });
    return text;
  };
}
