import { Document, isMap, isSeq, YAMLMap, type Scalar, type YAMLSeq } from 'yaml';
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
  const unset: string[] = [];
  for (const key of keys) {
    const value = key.path.split('.').reduce(child, values);
    if (value === undefined) unset.push(key.path);
    else place(document, key, value, origin(key.path));
  }
  for (const path of unset) comment(document, path);
  return document.toString({ lineWidth: 0, singleQuote: true, flowCollectionPadding: false });
}

function child(section: unknown, name: string): unknown {
  return (section as Record<string, unknown>)[name];
}

function place(document: Document, key: ConfigKey, value: unknown, origin: string | undefined): void {
  const { path, print, secret, fallback } = key;
  const names = path.split('.');
  const section = sectionAt(document, names.slice(0, -1));
  const written = origin === 'default' ? fallback : print(value);
  const node = document.createNode(secret === true ? '***' : written) as Scalar | YAMLSeq;
  if (isSeq(node)) node.flow = true;
  if (origin !== undefined) node.comment = ` ${origin}`;
  section.set(names.at(-1), node);
}

/** Says in the nearest section that is there which key is not set. */
function comment(document: Document, path: string): void {
  let section = document.contents as YAMLMap;
  const names = path.split('.');
  for (let inner = section.get(names[0]); isMap(inner); inner = section.get(names[0])) {
    section = inner;
    names.shift();
  }
  section.comment = `${section.comment ? `${section.comment},` : ' not set:'} ${names.join('.')}`;
}

function sectionAt(document: Document, names: readonly string[]): YAMLMap {
  let section = document.contents as YAMLMap;
  for (const name of names) {
    if (!section.has(name)) section.set(name, new YAMLMap());
    section = section.get(name) as YAMLMap;
  }
  return section;
}
