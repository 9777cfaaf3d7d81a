import { type DefinitionFault, defaultRetryPolicy, type RetryPolicy } from '@waybill/engine';
import type { Retries } from './step-schema.ts';

/** What `delays` stand instead of. */
const formula = ['backoff', 'initialDelay', 'factor'] as const;

/** Two ways at once to name the delays between attempts. `at` is whose they are. */
export function retryFaults(retries: Retries, at: string): DefinitionFault[] {
  if (retries.delays === undefined) return [];
  const message =
    'has no effect beside delays, which are listed one by one: leave it out, or leave delays out';
  return formula
    .filter((field) => retries[field] !== undefined)
    .map((field) => ({ path: `${at}.retries.${field}`, message }));
}

/** What a step says over what `defaults` say: of two ways to name the delays, the step's own holds alone. */
export function mergedRetries(own: Retries, inherited: Retries): Retries {
  const kept = { ...inherited };
  if (own.delays !== undefined) for (const field of formula) delete kept[field];
  if (formula.some((field) => own[field] !== undefined)) delete kept.delays;
  return { ...kept, ...own };
}

/** The order of members is part of a version's hash, wherever each comes from. */
export function retryPolicy({ delays, retryOn, giveUpAfter, ...said }: Retries): RetryPolicy {
  return {
    ...defaultRetryPolicy,
    ...said,
    ...(delays === undefined ? {} : { delays }),
    ...(retryOn === undefined ? {} : { retryOn }),
    ...(giveUpAfter === undefined ? {} : { giveUpAfter }),
  };
}

/** As a client may send it. */
export function writtenRetries(policy: RetryPolicy): Partial<RetryPolicy> {
  if (policy.delays === undefined) return policy;
  const { backoff: _, initialDelay: __, factor: ___, ...written } = policy;
  return written;
}
