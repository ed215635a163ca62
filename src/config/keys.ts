import { z } from 'zod';
import { keyFacts, type Default, type KeyFacts } from './key-facts.js';
import { configSchema } from './schema.js';

/** One key of the schema. */
export interface ConfigKey extends KeyFacts {
  /** As in `server.port`. */
  readonly path: string;
  /** Environment variables, the strongest first. */
  readonly env: readonly [string, ...string[]];
  /** As written in the file; absent where the key has none. */
  readonly fallback?: Default;
}

/** Every key, in the order of the schema. */
export const configKeys: readonly ConfigKey[] = collectKeys(configSchema);

/** `server`, `storage`, `storage.filesystem`, … */
export const sectionPaths: readonly string[] = [
  ...new Set(configKeys.flatMap(({ path }) => ancestors(path.split('.')))),
];

/** The keys of a schema that `key` and `optionalKey` made. */
export function collectKeys(schema: z.ZodObject, parents: readonly string[] = []): ConfigKey[] {
  return Object.entries(schema.shape).flatMap(([name, child]) => {
    const path = [...parents, name];
    return child instanceof z.ZodObject ? collectKeys(child, path) : [describe(child as z.ZodType, path)];
  });
}

function describe(schema: z.ZodType, path: readonly string[]): ConfigKey {
  const facts = keyFacts.get(schema);
  if (facts === undefined) throw new TypeError(`the schema tells nothing about ${path.join('.')}`);
  return {
    ...facts,
    path: path.join('.'),
    env: [variable(path), ...(facts.aliases ?? [])],
    ...(schema instanceof z.ZodPrefault ? { fallback: schema.def.defaultValue as Default } : {}),
  };
}

function variable(path: readonly string[]): string {
  const words = path.map((name) => name.replace(/[A-Z]/g, '_$&').toUpperCase());
  return `STACKYARD_${words.join('_')}`;
}

function ancestors(path: readonly string[]): string[] {
  return path.slice(1).map((_, index) => path.slice(0, index + 1).join('.'));
}
