import { parseDocument } from 'yaml';
import { z } from 'zod';
import { aliasedValue } from './aliased-value.js';
import type { Kind } from './kinds.js';
import { nearest } from './nearest.js';
import { ProblemLines } from './problem-lines.js';
import { shownValue, withoutLogin } from './refusal.js';
import { completeEntry, printEntry } from './upstream-entry.js';
import type { LoginEntry, UpstreamEntry } from './upstream-entry.js';
import { LOGIN_MEMBERS, UPSTREAM_MEMBERS } from './upstream-members.js';
import type { Members, MemberValues } from './upstream-members.js';

/** A list of upstreams, each its name or a mapping; of a variable also names with commas between. */
export function upstreams(): Kind<z.ZodType<UpstreamEntry[]>> {
  return {
    schema: z.unknown().transform((value, context): UpstreamEntry[] => {
      const reading = new EntriesReading();
      const entries = reading.read(value);
      for (const message of reading.problems.lines()) context.addIssue({ code: 'custom', message });
      return entries;
    }),
    accepts: 'a list of names, such as docker.io, and of mappings with the members below',
    print: (value) => (value as readonly UpstreamEntry[]).map(printEntry),
  };
}

/** Gathers what is wrong, in lines that name the upstream and the member and show no secret. */
class EntriesReading {
  readonly problems = new ProblemLines();

  read(value: unknown): UpstreamEntry[] {
    const items: unknown = typeof value === 'string' ? this.#itemsIn(value) : value;
    if (!Array.isArray(items)) {
      this.problems.add('it is no list; give each upstream a line that begins with a dash');
      return [];
    }
    const entries = items.flatMap((item, index) => this.#entry(item, index) ?? []);
    this.#refuseTwice(entries, ({ name }) => [name], 'name');
    this.#refuseTwice(entries, ({ namespaces }) => [...new Set(namespaces)], 'namespaces');
    return entries;
  }

  /** A message of the parser may quote a secret. */
  #itemsIn(text: string): unknown {
    if (!text.trimStart().startsWith('[')) return text.split(',').map((name) => name.trim());
    const document = parseDocument(text, { prettyErrors: false });
    const [error] = document.errors;
    const value = error === undefined ? aliasedValue(() => document.toJS()) : undefined;
    if (value !== undefined) return value;
    this.problems.add(`it is no YAML (${error?.code ?? 'BAD_ALIAS'}); correct the list`);
    return [];
  }

  #entry(item: unknown, index: number): UpstreamEntry | undefined {
    const given = typeof item === 'string' ? { name: item } : item;
    const place = `entry ${index + 1}`;
    if (!isMapping(given)) {
      this.problems.add(`${place}: it is neither a name nor a mapping; give one`);
      return undefined;
    }
    const before = this.problems.count;
    const { name: raw } = given;
    const called = UPSTREAM_MEMBERS.name.kind.schema.safeParse(raw).success ? String(raw) : place;
    const { name, logins = [], ...own } = this.#members(called, given, UPSTREAM_MEMBERS);
    if (name === undefined) {
      if (raw === undefined) this.problems.add(`${called}: name is missing; give one, such as docker.io`);
      return undefined;
    }
    if (this.problems.count === before) this.#checkLogin(called, own);
    if ((own.certificate === undefined) !== (own.key === undefined)) {
      this.problems.add(`${called}: certificate and key go together; give both`);
    }
    const read = logins.flatMap((login, at) => this.#login(`${called}: logins ${at + 1}`, login) ?? []);
    if (this.problems.count > before) return undefined;
    const entry = completeEntry(name, own, read);
    if (entry === undefined)
      this.problems.add(`${name}: url is missing and https://${name} is no URL; give one`);
    return entry;
  }

  #login(place: string, given: unknown): LoginEntry | undefined {
    if (!isMapping(given)) {
      this.problems.add(`${place}: it is no mapping; give repositories and a login`);
      return undefined;
    }
    const before = this.problems.count;
    const { repositories, ...login } = this.#members(place, given, LOGIN_MEMBERS);
    if (this.problems.count > before) return undefined;
    if (repositories === undefined) {
      this.problems.add(`${place}: repositories is missing; give a pattern, such as library/**`);
      return undefined;
    }
    if (!this.#checkLogin(place, login)) {
      this.problems.add(`${place}: there is no login; give username and passwordFile, or identityTokenFile`);
    }
    return { repositories, ...login };
  }

  /** Whether there is a login at all. */
  #checkLogin(place: string, login: Omit<MemberValues<typeof LOGIN_MEMBERS>, 'repositories'>): boolean {
    const { username, password, passwordFile, identityTokenFile } = login;
    const secrets = [password, passwordFile].filter((secret) => secret !== undefined).length;
    const isUser = username !== undefined || secrets > 0;
    if (identityTokenFile !== undefined && isUser) {
      this.problems.add(`${place}: identityTokenFile stands instead of username and password; remove either`);
    } else if (isUser && username === undefined) {
      this.problems.add(`${place}: username is missing; give the user of the password`);
    } else if (isUser && secrets !== 1) {
      const cause = secrets === 0 ? 'has no password' : 'has both a password and a passwordFile';
      this.problems.add(`${place}: username ${cause}; give exactly one of password and passwordFile`);
    }
    return isUser || identityTokenFile !== undefined;
  }

  #members<M extends Members>(place: string, given: object, members: M): MemberValues<M> {
    const values: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(given)) {
      const member = Object.hasOwn(members, name) ? members[name] : undefined;
      if (member === undefined) {
        const near = nearest(name, Object.keys(members));
        this.problems.add(`${place}: there is no member ${withoutLogin(name)}; did you mean ${near}?`);
        continue;
      }
      const { success, data } = member.kind.schema.safeParse(value);
      if (success) values[name] = data;
      else {
        const shown = shownValue(value, member.secret === true || isMapping(value));
        this.problems.add(`${place}: ${name}: ${shown} is not accepted; give ${member.kind.accepts}`);
      }
    }
    return values as MemberValues<M>;
  }

  #refuseTwice(
    entries: readonly UpstreamEntry[],
    textsOf: (entry: UpstreamEntry) => readonly string[],
    member: string,
  ): void {
    const owners = new Map<string, string>();
    for (const entry of entries) {
      for (const text of textsOf(entry)) {
        const other = owners.get(text);
        if (other === undefined) owners.set(text, entry.name);
        else {
          this.problems.add(`${entry.name}: ${member}: ${text} is already one of ${other}; give it to one`);
        }
      }
    }
  }
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
