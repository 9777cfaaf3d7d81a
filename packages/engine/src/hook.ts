import type { RetryPolicy } from './definition.ts';

/** onComplete and onError: 8 attempts over about a day. */
export const hookRetryPolicy: RetryPolicy = {
  maxAttempts: 8,
  backoff: 'exponential',
  initialDelay: 1,
  factor: 2,
  maxDelay: 24 * 3600,
  delays: [1, 30, 300, 1800, 7200, 21_600, 54_000],
  jitter: true,
};

/** One attempt of a hook, in ms. */
export const hookTimeoutMs = 30_000;
