import { BlockList, isIP, isIPv6 } from 'node:net';
import { embeddedIpv4 } from './embedded-ipv4.ts';
import { EgressError } from './errors.ts';
import { type AddressKind, type RangeTable, specialIpv4, specialIpv6 } from './special-ranges.ts';

export interface AddressPolicyOptions {
  /** CIDRs that may be reached though special, such as `127.0.0.0/8`. */
  allow: readonly string[];
  /** Ports that are refused on this machine itself even where loopback is allowed: Waybill's own. */
  ownPorts?: readonly number[];
}

export interface AddressPolicy {
  /** Why this address and port must not be reached, for people; `undefined` when they may. */
  refusal(address: string, port: number): string | undefined;
}

type Family = 'ipv4' | 'ipv6';
type Classifier = (address: string) => AddressKind | undefined;

/**
 * Judges numeric addresses (S1 and S2). An IPv6 address that carries an IPv4 address must pass as both.
 * Throws EgressError `invalid_cidr`.
 */
export function createAddressPolicy({ allow, ownPorts = [] }: AddressPolicyOptions): AddressPolicy {
  // One list per family: BlockList by itself lets an IPv4 rule match the mapped IPv6 address.
  const allowed = { ipv4: blockList('ipv4', allow), ipv6: blockList('ipv6', allow) };
  const kindOf = { ipv4: classifier('ipv4', specialIpv4), ipv6: classifier('ipv6', specialIpv6) };
  const own = new Set(ownPorts);

  function refusalOf(family: Family, address: string, port: number): string | undefined {
    const kind = kindOf[family](address);
    if (kind === undefined) return undefined;
    // Linux takes 0.0.0.0 and :: as this machine, too.
    if (own.has(port) && (kind === 'loopback' || kind === 'unspecified')) return "Waybill's own port";
    return allowed[family].check(address, family) ? undefined : `${kind} address`;
  }

  function refusal(address: string, port: number): string | undefined {
    const [plain = ''] = address.split('%'); // a zone (fe80::1%eth0) does not change the range
    if (isIP(plain) === 0) return 'not an address';
    if (isIP(plain) === 4) return refusalOf('ipv4', plain, port);
    const reason = refusalOf('ipv6', plain, port);
    if (reason !== undefined) return reason;
    return embeddedIpv4(plain)
      .map((inner) => refusalOf('ipv4', inner, port))
      .find((inner) => inner !== undefined);
  }

  return { refusal };
}

function classifier(family: Family, table: RangeTable): Classifier {
  const lists = table.map(([kind, ...cidrs]) => ({ kind, list: blockList(family, cidrs) }));
  return (address) => lists.find(({ list }) => list.check(address, family))?.kind;
}

/** Of a mixed list, the CIDRs of one family. */
function blockList(family: Family, cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const { network, prefix } = parseCidr(cidr);
    if (isIPv6(network) === (family === 'ipv6')) list.addSubnet(network, prefix, family);
  }
  return list;
}

function parseCidr(cidr: string): { network: string; prefix: number } {
  const [, network = '', digits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(cidr) ?? [];
  const version = isIP(network);
  const prefix = Number(digits);
  if (version === 0 || prefix > (version === 4 ? 32 : 128)) {
    throw new EgressError(
      'invalid_cidr',
      `${JSON.stringify(cidr)} is not a CIDR such as 10.0.0.0/8 or fd00::/8`,
    );
  }
  return { network, prefix };
}
