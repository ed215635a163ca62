import { inspect } from 'node:util';
import type { ConfigKey } from './keys.js';
import type { Setting } from './settings.js';

/** One line for a value that does not fit its key; a secret is not shown. */
export function refuseValue(key: ConfigKey, { where, value }: Setting): string {
  return `${key.path} (${where}): ${shownValue(value, key.secret)} is not accepted; give ${key.accepts}`;
}

/** The value in a few words; nothing of it where it is a secret. */
export function shownValue(value: unknown, isSecret = false): string {
  return isSecret ? 'its value' : inspect(value, SHORT).replace(USER_IN_URL, '//***@');
}

const SHORT = { depth: 0, breakLength: Infinity, maxStringLength: 60, maxArrayLength: 3 };

/** Some write a password into a URL. */
const USER_IN_URL = /\/\/[^/\s]*@/g;
