import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClientConfigError } from '../../src/client-config/client-config-error.js';
import { clientFiles, type Engine } from '../../src/client-config/engine-files.js';
import type { GivenSetup } from '../../src/client-config/setup.js';
import { projectRoot } from '../support/project.js';

export interface Asked {
  readonly engine: Engine;
  readonly setup: GivenSetup;
  readonly existing: Readonly<Record<string, string>>;
}

export type Answer =
  | { readonly files: readonly { readonly path: string; readonly mode: string; readonly content: string }[] }
  | { readonly error: string };

export type Fixture = Asked & Answer & { readonly name: string };

/** Which the cookbook's specs read, too. */
export const FIXTURES = JSON.parse(
  readFileSync(join(projectRoot, 'cookbook/spec/fixtures/client_files.json'), 'utf8'),
) as readonly Fixture[];

/** What the sources answer, in the form of the fixtures. */
export function answerOf({ engine, setup, existing }: Asked): Answer {
  try {
    const files = clientFiles(engine, setup, new Map(Object.entries(existing)));
    return { files: files.map((file) => ({ ...file, mode: file.mode.toString(8).padStart(4, '0') })) };
  } catch (error) {
    if (error instanceof ClientConfigError) return { error: error.message };
    throw error;
  }
}

export function expectedOf(fixture: Fixture): Answer {
  return 'error' in fixture ? { error: fixture.error } : { files: fixture.files };
}
