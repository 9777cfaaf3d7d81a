/** Why an address is not an ordinary public one. */
export type AddressKind =
  | 'unspecified'
  | 'loopback'
  | 'private'
  | 'shared (CGNAT)'
  | 'link-local'
  | 'site-local'
  | 'protocol assignment'
  | 'documentation'
  | 'benchmarking'
  | '6to4'
  | 'multicast'
  | 'reserved'
  | 'IPv4 in IPv6'
  | 'discard'
  | 'segment routing';

export type RangeTable = readonly (readonly [kind: AddressKind, ...cidrs: string[]])[];

// The IANA special-purpose registries (RFC 6890 and its updates) and multicast. Where a registry calls a part of a
// block globally reachable (2001:20::/28 and the like), the whole block is refused: nobody serves HTTP there.

export const specialIpv4: RangeTable = [
  ['unspecified', '0.0.0.0/8'],
  ['loopback', '127.0.0.0/8'],
  ['private', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'],
  ['shared (CGNAT)', '100.64.0.0/10'],
  ['link-local', '169.254.0.0/16'], // cloud metadata services live here
  ['protocol assignment', '192.0.0.0/24'],
  ['documentation', '192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24'],
  ['6to4', '192.88.99.0/24'],
  ['benchmarking', '198.18.0.0/15'],
  ['multicast', '224.0.0.0/4'],
  ['reserved', '240.0.0.0/4'], // with 255.255.255.255, broadcast
];

export const specialIpv6: RangeTable = [
  ['unspecified', '::/128'],
  ['loopback', '::1/128'],
  // mapped, compatible, translated (RFC 2765), NAT64 (RFC 6052) and its local-use prefix (RFC 8215)
  ['IPv4 in IPv6', '::ffff:0:0/96', '::/96', '::ffff:0:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48'],
  ['discard', '100::/64', '100:0:0:1::/64'],
  ['protocol assignment', '2001::/23'], // with Teredo (2001::/32), ORCHID and benchmarking (2001:2::/48)
  ['documentation', '2001:db8::/32', '3fff::/20'],
  ['6to4', '2002::/16'],
  ['segment routing', '5f00::/16'],
  ['private', 'fc00::/7'],
  ['link-local', 'fe80::/10'],
  ['site-local', 'fec0::/10'],
  ['multicast', 'ff00::/8'],
];
