import { KEY_ROOTS } from './keys.js';

/** Bytes of UTF-8. The longest that keys.ts makes has 580; Swift takes 1024 with the prefix of the store. */
const KEY_BYTES = 800;
const COMPONENT_BYTES = 255;

const EMPTY_OR_DOTS = /\/(?:\.{0,2}\/|\.{0,2}$)/;
const UNSTORABLE = /[\0\p{Cs}]/u;
const SET_NAME = /^[a-z0-9-]{1,100}$/;

/** Why this text cannot name an object, or nothing. Whatever passes is also a safe relative path. */
export function keyFault(text: string): string | undefined {
  if (EMPTY_OR_DOTS.test(text)) return 'it has an empty, . or .. component';
  return commonFault(text);
}

/** Why this text cannot begin a listing, or nothing. It may end in `/` or within a name. */
export function prefixFault(text: string): string | undefined {
  if (EMPTY_OR_DOTS.test(text.slice(0, text.lastIndexOf('/') + 1).replace(/\/$/, '/x'))) {
    return 'it has an empty, . or .. component';
  }
  return commonFault(text);
}

/** Whether the text can name a set of segments. */
export function isSetName(text: string): boolean {
  return SET_NAME.test(text);
}

function commonFault(text: string): string | undefined {
  if (!KEY_ROOTS.some((root) => text.startsWith(root))) return 'it is outside the roots of keys';
  if (UNSTORABLE.test(text)) return 'it holds a NUL or half a surrogate pair';
  const bytes = Buffer.byteLength(text);
  if (bytes > KEY_BYTES) return `it is longer than ${KEY_BYTES} bytes`;
  if (bytes > COMPONENT_BYTES && text.split('/').some((part) => Buffer.byteLength(part) > COMPONENT_BYTES)) {
    return `a component is longer than ${COMPONENT_BYTES} bytes`;
  }
  return undefined;
}
