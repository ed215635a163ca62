import { Document, YAMLMap, type Scalar } from 'yaml';
import { configKeys, type ConfigKey } from './keys.js';
import { originOf } from './origins.js';
import type { Config } from './schema.js';

/** YAML that can be loaded again, with the origin of each value as a comment; secrets are `***`. */
export function printConfig(config: Config): string {
  return printValues(config, configKeys, (path) => originOf(config, path));
}

/** The same for the values of any keys; `origin` is undefined for a value of unknown origin. */
export function printValues(
  values: object,
  keys: readonly ConfigKey[],
  origin: (path: string) => string | undefined,
): string {
  const document = new Document(new YAMLMap());
  for (const key of keys) place(document, values, key, origin(key.path));
  return document.toString({ lineWidth: 0 });
}

function place(document: Document, values: object, key: ConfigKey, origin: string | undefined): void {
  const { path, print, secret, fallback } = key;
  const names = path.split('.');
  const section = sectionAt(document, names.slice(0, -1));
  const name = names.at(-1) ?? path;
  const value = names.reduce<unknown>((parent, child) => (parent as Record<string, unknown>)[child], values);
  if (value === undefined) {
    section.comment = ` ${name}: not set`;
    return;
  }
  const written = origin === 'default' ? fallback : print(value);
  const node = document.createNode(secret === true ? '***' : written) as Scalar;
  if (origin !== undefined) node.comment = ` ${origin}`;
  section.set(name, node);
}

function sectionAt(document: Document, names: readonly string[]): YAMLMap {
  let section = document.contents as YAMLMap;
  for (const name of names) {
    if (!section.has(name)) section.set(name, new YAMLMap());
    section = section.get(name) as YAMLMap;
  }
  return section;
}
