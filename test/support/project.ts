import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The directory that holds package.json and conformance/go.mod, found upwards from the compiled file. */
export const projectRoot: string = (() => {
  for (let directory = import.meta.dirname; ; directory = dirname(directory)) {
    if (existsSync(join(directory, 'package.json')) && existsSync(join(directory, 'conformance', 'go.mod')))
      return directory;
    if (directory === dirname(directory))
      throw new Error(`no project directory above ${import.meta.dirname}`);
  }
})();

/** The compiled tree this file belongs to (`dist`, or another `--outDir`). */
export const compiledRoot: string = join(import.meta.dirname, '..', '..');
