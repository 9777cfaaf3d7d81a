import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { AddressPolicy } from './address-policy.ts';
import { EgressError } from './errors.ts';

/**
 * The `lookup` of a pool's connector. It always asks for all addresses and refuses the name when any one of them is
 * refused: an attacker who mixes a public and a private address must not get a second draw. The socket connects to
 * exactly the addresses handed back here, so there is no second look-up to rebind (S3).
 */
export function guardedLookup(
  policy: AddressPolicy,
  port: number,
  lookup: LookupFunction = systemLookup as LookupFunction,
): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, answer) => {
      if (error !== null && error !== undefined) return callback(error, []);
      const addresses = answer as unknown as LookupAddress[];
      const refusal = refusalOf(hostname, addresses, policy, port);
      if (refusal !== undefined) return callback(refusal, []);
      if (options.all === true) return callback(null, addresses);
      const [first] = addresses;
      callback(null, first!.address, first!.family);
    });
  };
}

/** Does not name the address: to a tenant it would tell about the network inside. */
function refusalOf(
  hostname: string,
  addresses: LookupAddress[],
  policy: AddressPolicy,
  port: number,
): EgressError | undefined {
  if (addresses.length === 0) return new EgressError('address_refused', `${hostname} has no address`);
  for (const { address } of addresses) {
    const reason = policy.refusal(address, port);
    if (reason !== undefined) {
      return new EgressError('address_refused', `${hostname} may not be reached: it has a ${reason}`);
    }
  }
  return undefined;
}
