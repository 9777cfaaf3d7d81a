// The only outbound HTTP of the platform. Knows nothing of steps, signatures or retries.
export {
  type AddressPolicy,
  type AddressPolicyOptions,
  createAddressPolicy,
} from './address-policy.ts';
export type {
  EgressAnswer,
  EgressFailure,
  EgressFailureCode,
  EgressPhase,
  EgressResponse,
} from './answer.ts';
export {
  createEgress,
  type Egress,
  type EgressOptions,
  type EgressRequest,
  type OpenRequest,
} from './egress.ts';
export { EgressError, type EgressErrorCode } from './errors.ts';
export { checkHeader } from './headers.ts';
export { checkUrl, type UrlRefusal } from './target.ts';
