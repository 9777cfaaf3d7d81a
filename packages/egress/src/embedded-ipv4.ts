type Groups = readonly number[];

interface Carrier {
  holds: (groups: Groups) => boolean;
  /** The index of the first of the two 16-bit groups that hold the IPv4 address. */
  at: number;
  inverted?: boolean;
}

const carriers: readonly Carrier[] = [
  { holds: (groups) => startsWith(groups, 0, 0, 0, 0, 0, 0xffff), at: 6 }, // mapped
  { holds: (groups) => startsWith(groups, 0, 0, 0, 0, 0xffff, 0), at: 6 }, // translated
  { holds: (groups) => startsWith(groups, 0, 0, 0, 0, 0, 0) && !isUnspecifiedOrLoopback(groups), at: 6 }, // compatible
  { holds: (groups) => startsWith(groups, 0x64, 0xff9b, 0, 0, 0, 0), at: 6 }, // NAT64
  { holds: (groups) => startsWith(groups, 0x2002), at: 1 }, // 6to4
  { holds: (groups) => startsWith(groups, 0x2001, 0), at: 2 }, // Teredo: its server …
  { holds: (groups) => startsWith(groups, 0x2001, 0), at: 6, inverted: true }, // … and its client
];

/** The IPv4 addresses that an IPv6 address carries and that a gateway on the way may unpack. */
export function embeddedIpv4(address: string): string[] {
  const groups = ipv6Groups(address);
  return carriers.filter(({ holds }) => holds(groups)).map((carrier) => dotted(groups, carrier));
}

function startsWith(groups: Groups, ...prefix: number[]): boolean {
  return prefix.every((group, index) => groups[index] === group);
}

function isUnspecifiedOrLoopback(groups: Groups): boolean {
  return groups[6] === 0 && groups[7]! <= 1;
}

function dotted(groups: Groups, { at, inverted = false }: Carrier): string {
  const flip = inverted ? 0xffff : 0;
  const [high, low] = [groups[at]! ^ flip, groups[at + 1]! ^ flip];
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}

/** The eight 16-bit groups of a valid IPv6 address without a zone. */
function ipv6Groups(address: string): number[] {
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1); // also turns a dotted tail into hex
  const [head = '', tail] = canonical.split('::');
  const front = parseGroups(head);
  const back = tail === undefined ? [] : parseGroups(tail);
  return [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back];
}

function parseGroups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}
