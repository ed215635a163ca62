import { inspect } from 'node:util';
import type { ConfigKey } from './keys.js';
import type { Setting } from './settings.js';

/** One line for a value that does not fit its key; a secret is not shown. */
export function refuseValue(key: ConfigKey, { where, value }: Setting): string {
  return `${key.path} (${where}): ${shownValue(value, key.secret)} is not accepted; give ${key.accepts}`;
}

/** The value in a few words; nothing of it where it is a secret. */
export function shownValue(value: unknown, isSecret = false): string {
  if (isSecret) return 'its value';
  return inspect(withoutLogins(value), SHORT);
}

function withoutLogins(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((entry: unknown) => withoutLogin(entry));
  if (typeof value !== 'object' || value === null) return withoutLogin(value);
  return Object.fromEntries(
    Object.entries(value).map(([name, of]: [string, unknown]) => [withoutLogin(name), withoutLogin(of)]),
  );
}

/** Some write a password before a host, with or without the slashes of a URL: what stands before the last @ is hidden. */
export function withoutLogin<T>(value: T): T | string {
  return typeof value === 'string' ? value.replace(/^.*@/s, '***@') : value;
}

const SHORT = { depth: 0, breakLength: Infinity, maxStringLength: 60, maxArrayLength: 3 };
