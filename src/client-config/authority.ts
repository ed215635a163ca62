import { refuse } from './client-config-error.js';

const LABEL = '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?';
const NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
const MAX_NAME = 253;
const IPV4_PART = /^(?:0|[1-9]\d{0,2})$/;
const IPV6_GROUP = /^[0-9a-f]{1,4}$/;
const PORT = /^[1-9]\d{0,4}$/;
const MAX_PORT = 65_535;

const FORM = 'give host[:port], such as registry.example:5000';

/** A `host[:port]`, as certificates' folders are called. The text itself is never told. @throws ClientConfigError */
export function parseAuthority(text: string, member: string): string {
  const wrong = (cause: string): never => refuse(member, `${cause}; ${FORM}`);
  if (text === '') wrong('it is empty');
  if (text.includes('@')) wrong('a user has no place there');
  if (text.includes('://')) wrong('a scheme has no place there');
  if (/[/?#]/.test(text)) wrong('a path or query has no place there');
  if (/[^!-~]/.test(text)) wrong('blanks and letters beyond ASCII have no place there');
  if (/[A-Z]/.test(text)) wrong('it has capitals, which images cannot name');
  const [, host = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(text) ?? [];
  if (!isHost(host)) wrong('it has no host name, IPv4 address or [IPv6 address]');
  if (port !== undefined && !(PORT.test(port) && Number(port) <= MAX_PORT))
    wrong('its port is no number from 1 to 65535');
  return text;
}

/** A registry as images name it: they take a first component without a dot or port for one of Docker Hub's. @throws ClientConfigError */
export function parseImageHost(text: string, member: string): string {
  const authority = parseAuthority(text, member);
  if (!/[.:]/.test(authority) && authority !== 'localhost')
    refuse(member, `images take a host without a dot or port for a repository of Docker Hub; ${FORM}`);
  return authority;
}

function isHost(host: string): boolean {
  if (host.startsWith('[')) return isIpv6(host.slice(1, -1));
  if (host.length > MAX_NAME || !NAME.test(host)) return false;
  const parts = host.split('.');
  // What ends in a number is an IPv4 address (WHATWG URL "ends in a number").
  if (!/^\d+$/.test(parts.at(-1) ?? '')) return true;
  return parts.length === 4 && parts.every((part) => IPV4_PART.test(part) && Number(part) <= 255);
}

function isIpv6(text: string): boolean {
  const halves = text.split('::');
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  if (!groups.every((group) => IPV6_GROUP.test(group))) return false;
  return halves.length === 1 ? groups.length === 8 : halves.length === 2 && groups.length <= 7;
}
