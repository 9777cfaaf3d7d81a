import { defaultRetryPolicy, type RetryPolicy } from '@waybill/engine';
import type { Retries } from './step-schema.ts';

/** What `delays` stand instead of. */
export const formula = ['backoff', 'initialDelay', 'factor'] as const;

/** What a step says over what `defaults` say: of two ways to name the delays, the step's own holds alone. */
export function mergedRetries(own: Retries, inherited: Retries): Retries {
  const kept = { ...inherited };
  if (own.delays !== undefined) for (const field of formula) delete kept[field];
  if (formula.some((field) => own[field] !== undefined)) delete kept.delays;
  if (own.backoff !== undefined && own.backoff !== 'exponential') delete kept.factor;
  if (own.factor !== undefined) delete kept.backoff;
  return { ...kept, ...own };
}

/** The order of members is part of a version's hash, wherever each comes from. */
export function retryPolicy({ delays, retryOn, giveUpAfter, ...said }: Retries): RetryPolicy {
  const policy = { ...defaultRetryPolicy, ...said };
  const capped = (delay: number) => Math.min(delay, policy.maxDelay);
  return {
    ...policy,
    initialDelay: capped(policy.initialDelay),
    ...(delays === undefined ? {} : { delays: delays.map(capped) }),
    ...(retryOn === undefined ? {} : { retryOn }),
    ...(giveUpAfter === undefined ? {} : { giveUpAfter }),
  };
}

/** As a client may send it: without what has no effect. */
export function writtenRetries(policy: RetryPolicy): Record<string, unknown> {
  const { maxAttempts, backoff, initialDelay, factor, delays, giveUpAfter, ...rest } = policy;
  if (maxAttempts === 1) return { maxAttempts, giveUpAfter };
  if (delays !== undefined) return { maxAttempts, delays, ...rest, giveUpAfter };
  const growth = backoff === 'exponential' ? { factor } : {};
  return { maxAttempts, backoff, initialDelay, ...growth, ...rest, giveUpAfter };
}
