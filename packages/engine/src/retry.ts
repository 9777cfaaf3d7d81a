import type { RetryPolicy } from './definition.ts';
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
