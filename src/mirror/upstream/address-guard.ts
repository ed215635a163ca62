import { lookup as systemLookup } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { isPublicAddress } from './public-addresses.js';
import type { Upstream } from './upstream.js';
import { UpstreamError } from './upstream-error.js';
import { isTokenHost } from './token-realm.js';
import { shownHost } from './upstream-failures.js';

/** Where a connection is to go; `hostname` without brackets. */
export interface ConnectionTarget {
  readonly protocol: string;
  readonly hostname: string;
  /** Empty for the protocol's own. */
  readonly port: string;
}

/**
 * Lets connections go to public addresses, those of `upstream.networks`, and those that the operator wrote down
 * themselves: an address or `localhost` in the URL or a token host, at its port alone. It judges the addresses that are
 * connected to, so a name that changes its mind gains nothing.
 */
export class AddressGuard {
  private readonly networks = new BlockList();

  constructor(
    private readonly upstream: Pick<Upstream, 'name' | 'url' | 'tokenHosts' | 'networks'>,
    private readonly resolve: LookupFunction = systemLookup,
  ) {
    for (const block of upstream.networks) {
      const [address = '', bits] = block.split('/', 2);
      this.networks.addSubnet(address, Number(bits), familyOf(address));
    }
  }

  /** For a target that is no name: why it is not connected to. Names are judged by `lookup`. */
  refusal(target: ConnectionTarget): UpstreamError | undefined {
    const { hostname } = target;
    if (isIP(hostname) === 0 || this.isWritten(target) || this.isAllowed(hostname)) return undefined;
    return this.refused(hostname, [hostname]);
  }

  /** Finds only addresses that may be connected to. Its callback gets UpstreamError `refused` where none is left. */
  lookup(target: ConnectionTarget): LookupFunction {
    const isWrittenLocalhost = target.hostname === 'localhost' && this.isWritten(target);
    return (hostname, options, callback) => {
      this.resolve(hostname, { ...options, all: true }, (error, found) => {
        if (error !== null) return callback(error, [], 0);
        const addresses = Array.isArray(found) ? found : [{ address: found, family: isIP(found) }];
        const allowed = addresses.filter(
          ({ address }) => this.isAllowed(address) || (isWrittenLocalhost && isLoopback(address)),
        );
        const [first] = allowed;
        if (first === undefined) return callback(this.refused(hostname, textsOf(addresses)), [], 0);
        if (options.all === true) return callback(null, allowed);
        callback(null, first.address, first.family);
      });
    };
  }

  private isAllowed(address: string): boolean {
    return (
      isPublicAddress(address) || (isIP(address) !== 0 && this.networks.check(address, familyOf(address)))
    );
  }

  private isWritten({ protocol, hostname, port }: ConnectionTarget): boolean {
    const shown = isIP(hostname) === 6 ? `[${hostname}]` : hostname;
    const url = new URL(`${protocol}//${shown}${port === '' ? '' : `:${port}`}`);
    return url.host === this.upstream.url.host || isTokenHost(this.upstream, url);
  }

  private refused(hostname: string, addresses: readonly string[]): UpstreamError {
    const [address = 'no address'] = addresses;
    const where = address === hostname ? address : `${shownHost({ host: hostname })} (${address})`;
    return new UpstreamError(
      'refused',
      `${this.upstream.name} leads to ${where}, which is no public address: list its network in networks of the upstream if that is right`,
    );
  }
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function isLoopback(address: string): boolean {
  return loopback.check(address, familyOf(address));
}

function textsOf(addresses: readonly LookupAddress[]): readonly string[] {
  return addresses.map(({ address }) => address);
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
