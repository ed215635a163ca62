import { z } from 'zod';
import type { Kind } from './kinds.js';

/** What the schema says of a key beside its type and default. */
export interface KeyFacts {
  /** One or two sentences for the documentation. */
  readonly help: string;
  readonly accepts: string;
  readonly print: (value: unknown) => unknown;
  /** Further environment variables, weaker than the key's own STACKYARD_ name; the strongest first. */
  readonly aliases?: readonly string[];
  /** Never shown, in no message. */
  readonly secret?: boolean;
  /** Of a list of mappings what each may have; its schema explains by itself what is wrong with them. */
  readonly members?: Readonly<Record<string, MemberFacts>>;
}

export interface MemberFacts {
  readonly help: string;
  readonly kind: { readonly accepts: string };
  readonly secret?: boolean;
}

export type Default = string | number | boolean | readonly string[];

export const keyFacts = z.registry<KeyFacts>();

type Notes = Pick<KeyFacts, 'help' | 'aliases' | 'secret' | 'members'>;

/** A key with a default, given as it would be written in the file. */
export function key<T extends z.ZodType>(kind: Kind<T>, fallback: Default, notes: Notes) {
  const schema = z.prefault(kind.schema, fallback as z.core.util.NoUndefined<z.input<T>>);
  keyFacts.add(schema, { accepts: kind.accepts, print: kind.print, ...notes });
  return schema;
}

/** A key that may be absent. */
export function optionalKey<T extends z.ZodType>(kind: Kind<T>, notes: Notes) {
  const schema = z.optional(kind.schema);
  keyFacts.add(schema, { accepts: kind.accepts, print: kind.print, ...notes });
  return schema;
}
