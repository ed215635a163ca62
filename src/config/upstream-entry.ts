import type { LOGIN_MEMBERS, MemberValues, UPSTREAM_MEMBERS } from './upstream-members.js';

/** What an entry gives beside its name and `logins`, which are read by themselves. */
export type GivenEntry = Omit<MemberValues<typeof UPSTREAM_MEMBERS>, 'logins'>;
type Lists = 'namespaces' | 'tokenHosts' | 'networks' | 'allow' | 'deny' | 'pinned';
export type LoginEntry = MemberValues<typeof LOGIN_MEMBERS> & { readonly repositories: string };

/** An upstream as it is configured, with what was left out; the same for its files, which are not read. */
export interface UpstreamEntry
  extends Omit<GivenEntry, Lists | 'name' | 'url'>, Required<Pick<GivenEntry, Lists>> {
  readonly name: string;
  readonly url: string;
  readonly logins: readonly LoginEntry[];
}

/** What is known of upstreams by their names. */
const KNOWN: ReadonlyMap<string, GivenEntry> = new Map([
  [
    'docker.io',
    {
      url: 'https://registry-1.docker.io',
      tokenHosts: ['auth.docker.io'],
      namespaces: ['docker.io', 'index.docker.io', 'registry-1.docker.io'],
    },
  ],
  ['registry.gitlab.com', { tokenHosts: ['gitlab.com'] }],
]);

/** With what is known of its name; undefined where that gives no URL and none is given. */
export function completeEntry(
  name: string,
  own: Omit<GivenEntry, 'name'>,
  logins: readonly LoginEntry[],
): UpstreamEntry | undefined {
  const known = KNOWN.get(name) ?? {};
  const usual = known.url ?? `https://${name}`;
  const url = own.url ?? usual;
  if (!URL.canParse(url)) return undefined;
  return {
    name,
    url,
    networks: [],
    deny: [],
    pinned: [],
    // Those of its own server, not of a copy of it.
    tokenHosts: (isSame(url, usual) && known.tokenHosts) || [],
    namespaces: [...new Set([...(known.namespaces ?? [name]), new URL(url).host])],
    ...own,
    allow: own.allow === undefined || own.allow.length === 0 ? ['**'] : own.allow,
    logins,
  };
}

function isSame(url: string, other: string): boolean {
  return URL.canParse(other) && new URL(url).href === new URL(other).href;
}

/** As it would be written in the file: a name alone where nothing else was given; no password. */
export function printEntry(entry: UpstreamEntry): unknown {
  if (JSON.stringify(sorted(entry)) === JSON.stringify(sorted(completeEntry(entry.name, {}, []))))
    return entry.name;
  const { name, url, logins, password, networks, deny, pinned, ...rest } = entry;
  const lists = Object.entries({ networks, deny, pinned }).filter(([, list]) => list.length > 0);
  return {
    name,
    url,
    ...rest,
    ...Object.fromEntries(lists),
    ...(password !== undefined && { password: '***' }),
    ...(logins.length > 0 && { logins: logins.map(printLogin) }),
  };
}

function printLogin(login: LoginEntry): LoginEntry {
  return login.password === undefined ? login : { ...login, password: '***' };
}

function sorted(entry: object = {}): unknown {
  return Object.entries(entry).sort(([one], [other]) => (one < other ? -1 : 1));
}
