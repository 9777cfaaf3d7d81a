import type { RetryPolicy } from './definition.ts';
import type { Delivery } from './delivery.ts';
import { hashFraction } from './hash.ts';

/** Past this a handler's Retry-After is not believed: a day. */
export const retryAfterMaxMs = 24 * 3600 * 1000;

const jitterShare = 0.2;

/**
 * Milliseconds to wait after failed attempt number `attempt` (1-based) of the delivery named by `seed`.
 * Jitter comes from hashing the seed, so the same failure always waits the same time.
 */
export function backoffDelayMs(policy: RetryPolicy, attempt: number, seed: string): number {
  const base = Math.min(baseDelay(policy, attempt), policy.maxDelay);
  const share = policy.jitter ? 1 + jitterShare * (2 * hashFraction(`${seed}:${attempt}`) - 1) : 1;
  return Math.round(Math.min(base * share, policy.maxDelay) * 1000);
}

function baseDelay(policy: RetryPolicy, attempt: number): number {
  const { delays } = policy;
  if (delays && delays.length > 0) return delays[Math.min(attempt, delays.length) - 1]!;
  if (policy.backoff === 'fixed') return policy.initialDelay;
  if (policy.backoff === 'linear') return policy.initialDelay * attempt;
  return policy.initialDelay * policy.factor ** (attempt - 1);
}

/** When `giveUpAfter` ends the delivery, an attempt under way included; engine time in ms. Infinity without one. */
export function givesUpAt({ giveUpAfter }: RetryPolicy, { firstStartedAt }: Delivery): number {
  if (giveUpAfter === undefined || firstStartedAt === null) return Number.POSITIVE_INFINITY;
  return firstStartedAt + giveUpAfter * 1000;
}

/** What the newest attempt may take in ms, the wait for its callback included: the step's timeout, or less. */
export function attemptTimeoutMs(
  { timeoutMs, retries }: { readonly timeoutMs: number; readonly retries: RetryPolicy },
  delivery: Delivery,
): number {
  return Math.max(1, Math.min(timeoutMs, givesUpAt(retries, delivery) - delivery.attemptStartedAt));
}
