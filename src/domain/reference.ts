import { Digest } from './digest.js';
import { InvalidValue } from './invalid-value.js';

declare const brand: unique symbol;

/** A valid tag name. */
export type Tag = string & { readonly [brand]: 'Tag' };

/** What a manifest is asked for by. */
export type Reference =
  { readonly kind: 'tag'; readonly tag: Tag } | { readonly kind: 'digest'; readonly digest: Digest };

const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** OCI distribution-spec "Pulling manifests", tag grammar. */
export function isTag(text: string): text is Tag {
  return TAG.test(text);
}

/** @throws InvalidValue */
export function parseTag(text: string): Tag {
  if (!isTag(text)) {
    throw new InvalidValue(
      'tag',
      'a tag has at most 128 letters, digits and . _ -, and starts with a letter, digit or _',
    );
  }
  return text;
}

/** Text with a colon is a digest, any other a tag. @throws InvalidValue */
export function parseReference(text: string): Reference {
  return text.includes(':')
    ? { kind: 'digest', digest: Digest.parse(text) }
    : { kind: 'tag', tag: parseTag(text) };
}
