import { configKeys } from './keys.js';
import type { Config } from './schema.js';

type Swift = Config['storage']['swift'];

/** The keys of `storage.swift` that are text, those of its section `v1` with that before their names. */
type Texts = Pick<Swift, TextKey<Swift>> & { readonly [K in keyof Swift['v1'] as `v1.${K}`]: Swift['v1'][K] };
type TextKey<T> = { [K in keyof T]-?: T[K] extends string | undefined ? K : never }[keyof T];
export type SwiftKey = keyof Texts;

/** Reads keys of `storage.swift`, and gathers a line for each that is missing or does not go with the others. */
export class GivenKeys {
  readonly problems: string[] = [];
  readonly #texts: Texts;
  readonly #where: (path: string) => string;

  /** `where` tells the origin of a key's value. */
  constructor(swift: Swift, where: (path: string) => string) {
    const { authUrl, user, key } = swift.v1;
    this.#texts = { ...swift, 'v1.authUrl': authUrl, 'v1.user': user, 'v1.key': key };
    this.#where = where;
  }

  get(key: SwiftKey): string | undefined {
    return this.#texts[key];
  }

  has(...keys: readonly SwiftKey[]): boolean {
    return keys.some((key) => this.#texts[key] !== undefined);
  }

  /** The value; where there is none a problem and no text. */
  need(key: SwiftKey, user: string): string {
    const value = this.#texts[key];
    if (value === undefined) this.#missing(key, user);
    return value ?? '';
  }

  /** The key where it is given, else the other. */
  eitherOf(id: SwiftKey, name: SwiftKey): { id: string } | { name: string } | undefined {
    const [byId, byName] = [this.#texts[id], this.#texts[name]];
    if (byId !== undefined) return { id: byId };
    return byName === undefined ? undefined : { name: byName };
  }

  /** The same; where neither is given a problem and no text. */
  needEitherOf(id: SwiftKey, name: SwiftKey, user: string): { id: string } | { name: string } {
    return this.eitherOf(id, name) ?? { name: this.need(name, user) };
  }

  /** A problem for each of these keys that is given. */
  refuse(keys: readonly SwiftKey[], why: string): void {
    for (const key of keys) if (this.has(key)) this.problem(key, why);
  }

  problem(key: SwiftKey, why: string): void {
    const path = pathOf(key);
    this.problems.push(`${path} (${this.#where(path)}): ${why}`);
  }

  /** The key, and where it is given. */
  placeOf(key: SwiftKey): string {
    const path = pathOf(key);
    return `${path}, ${this.#where(path)}`;
  }

  #missing(key: SwiftKey, user: string): void {
    const path = pathOf(key);
    const [own = '', alias = own] = configKeys.find((known) => known.path === path)?.env ?? [];
    this.problems.push(`${path} (not given): ${user} needs it; give it, or ${alias} in the environment`);
  }
}

function pathOf(key: SwiftKey): string {
  return `storage.swift.${key}`;
}
