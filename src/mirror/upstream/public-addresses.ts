import { BlockList, isIP } from 'node:net';

/** What is no public host by IANA's special-purpose registry (RFC 6890 and after), or no unicast address. */
const SPECIAL_V4: readonly (readonly [address: string, bits: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
];

/** Within 2000::/3: protocol assignments with Teredo, documentation (two blocks), the 6bone of old. */
const SPECIAL_V6: readonly (readonly [address: string, bits: number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['3fff::', 20],
  ['3ffe::', 16],
];

/** Global unicast, and the two notations in which an IPv6 socket reaches IPv4 hosts: mapped and NAT64 (RFC 6052). */
const GLOBAL_V6: readonly (readonly [address: string, bits: number])[] = [
  ['2000::', 3],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
];

const special = new BlockList();
const global = new BlockList();
for (const [address, bits] of SPECIAL_V4) {
  // A block holds the mapped notation of its addresses too, but neither NAT64's nor 6to4's.
  special.addSubnet(address, bits, 'ipv4');
  special.addSubnet(`64:ff9b::${address}`, 96 + bits, 'ipv6');
  special.addSubnet(sixToFour(address), 16 + bits, 'ipv6');
}
for (const [address, bits] of SPECIAL_V6) special.addSubnet(address, bits, 'ipv6');
for (const [address, bits] of GLOBAL_V6) global.addSubnet(address, bits, 'ipv6');

/** Whether it is the address of one host of the public Internet; false for what is no address. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !special.check(address, 'ipv4');
    case 6:
      return global.check(address, 'ipv6') && !special.check(address, 'ipv6');
    default:
      return false;
  }
}

/** RFC 3056 §2. */
function sixToFour(address: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
  return `2002:${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}::`;
}
