import { isObject, type Json } from '../domain/json-members.js';
import { refuse } from './client-config-error.js';

/**
 * The text of a JSON file after a change of its members: keys keep their order, new ones go to the end. Where the change
 * is none, the text stays as it is, however it was written.
 * @throws ClientConfigError naming the file, without what it holds
 */
export function mergedJson(path: string, text: string | undefined, change: (members: Json) => Json): string {
  const members = parseMembers(path, text);
  const changed = `${JSON.stringify(change(members), undefined, 2)}\n`;
  const same = text !== undefined && changed === `${JSON.stringify(members, undefined, 2)}\n`;
  return same && !isBlank(text) ? text : changed;
}

/** None where there is no such member. @throws ClientConfigError */
export function objectMember(path: string, members: Json, name: string): Json {
  const value = Object.hasOwn(members, name) ? members[name] : undefined;
  if (value === undefined) return {};
  if (!isObject(value)) return refuse(path, `${name} is no object; correct it`);
  return value;
}

/** With a member put where it was, or at the end. */
export function withMember(members: Json, name: string, value: unknown): Json {
  const entries = Object.entries(members);
  const at = entries.findIndex(([key]) => key === name);
  if (at < 0) return Object.fromEntries([...entries, [name, value]]);
  return Object.fromEntries(entries.map(([key, old]) => [key, key === name ? value : old]));
}

/** Blank counts as an empty object. */
function parseMembers(path: string, text = ''): Json {
  if (isBlank(text)) return {};
  const value = parsed(path, text);
  if (!isObject(value)) return refuse(path, 'it holds no JSON object; correct it, or move it away');
  return value;
}

function parsed(path: string, text: string): unknown {
  let hasInexact = false;
  const note = (_: string, value: unknown): unknown => {
    if (typeof value === 'number' && !isExact(value)) hasInexact = true;
    return value;
  };
  let value: unknown;
  try {
    value = JSON.parse(text, note);
  } catch {
    // What the parser says quotes the file, which may hold logins.
    return refuse(path, 'it is no JSON (jq . FILE tells where); correct it, or move it away');
  }
  if (hasInexact) refuse(path, 'it holds a number that would be changed on the way; set the members by hand');
  return value;
}

function isExact(value: number): boolean {
  return Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
}

function isBlank(text: string): boolean {
  return /^[ \t\r\n]*$/.test(text);
}
