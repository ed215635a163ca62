import { BlockList, isIP, isIPv6 } from 'node:net';
import { LRUCache } from 'lru-cache';

const REMEMBERED = 1000;

/** CIDR blocks. An IPv4 block holds its addresses in IPv6 notation too (::ffff:10.0.0.1), as a socket for both shows them. */
export class Networks {
  private readonly list = new BlockList();
  /** A look into the list costs microseconds, and the same clients come again. */
  private readonly known = new LRUCache<string, boolean>({ max: REMEMBERED });

  constructor(blocks: readonly string[]) {
    for (const block of blocks) {
      const [address = '', bits] = block.split('/', 2);
      this.list.addSubnet(address, Number(bits), familyOf(address));
    }
  }

  /** False for what is no address. */
  has(address: string): boolean {
    const known = this.known.get(address);
    if (known !== undefined) return known;
    const found = isIP(address) !== 0 && this.list.check(address, familyOf(address));
    this.known.set(address, found);
    return found;
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}
