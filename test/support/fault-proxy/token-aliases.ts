import { headerOf, withHeader, type RawHeaders } from './raw-headers.js';

const TOKEN_HEADERS = ['X-Auth-Token', 'X-Storage-Token'];

/**
 * tempauth gives the same token at each login until it expires. So that an expiry can be played before that, a token
 * declared dead gets another name at the next login through the proxy, which is put back on the way to the server.
 */
export class TokenAliases {
  private readonly aliasOf = new Map<string, string>();
  private readonly realOf = new Map<string, string>();

  /** From now on logins that give this token, or the one behind it, give a new alias. */
  retire(token: string): void {
    const real = this.realOf.get(token) ?? token;
    const alias = `${real}-${this.realOf.size + 1}`;
    this.aliasOf.set(real, alias);
    this.realOf.set(alias, real);
  }

  toServer(headers: RawHeaders): RawHeaders {
    return translated(headers, this.realOf);
  }

  toClient(headers: RawHeaders): RawHeaders {
    return translated(headers, this.aliasOf);
  }
}

function translated(headers: RawHeaders, names: ReadonlyMap<string, string>): RawHeaders {
  if (names.size === 0) return headers;
  return TOKEN_HEADERS.reduce((done, name) => {
    const other = names.get(headerOf(done, name) ?? '');
    return other === undefined ? done : withHeader(done, name, other);
  }, headers);
}
