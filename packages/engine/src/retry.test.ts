import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultRetryPolicy, type RetryPolicy } from './definition.ts';
import { hashFraction } from './hash.ts';
import { hookRetryPolicy } from './hook.ts';
import { backoffDelayMs } from './retry.ts';

const calm: RetryPolicy = { ...defaultRetryPolicy, jitter: false };

function delays(policy: RetryPolicy, count: number): number[] {
  return Array.from({ length: count }, (_, i) => backoffDelayMs(policy, i + 1, 'run:step:0'));
}

describe('backoffDelayMs', () => {
  test.each<[string, RetryPolicy, number[]]>([
    ['exponential', calm, [1000, 2000, 4000, 8000]],
    ['exponential with its own factor', { ...calm, initialDelay: 0.25, factor: 3 }, [250, 750, 2250]],
    ['exponential up to maxDelay', { ...calm, maxDelay: 3 }, [1000, 2000, 3000, 3000]],
    ['linear', { ...calm, backoff: 'linear', initialDelay: 2 }, [2000, 4000, 6000]],
    ['fixed', { ...calm, backoff: 'fixed', initialDelay: 5 }, [5000, 5000, 5000]],
    ['a list, the last one repeating', { ...calm, delays: [1, 2] }, [1000, 2000, 2000]],
    ['a list up to maxDelay', { ...calm, delays: [1, 90], maxDelay: 60 }, [1000, 60_000]],
    ['an empty list counts as none', { ...calm, delays: [] }, [1000, 2000]],
    ['no delay at all', { ...calm, initialDelay: 0 }, [0, 0]],
  ])('%s', (_, policy, expected) => {
    expect(delays(policy, expected.length)).toEqual(expected);
  });

  const policies = fc.record({
    maxAttempts: fc.constant(100),
    backoff: fc.constantFrom('exponential', 'linear', 'fixed'),
    initialDelay: fc.double({ min: 0, max: 86_400, noNaN: true }),
    maxDelay: fc.double({ min: 0, max: 31_536_000, noNaN: true }),
    factor: fc.double({ min: 1, max: 100, noNaN: true }),
    delays: fc.option(fc.array(fc.double({ min: 0, max: 86_400, noNaN: true })), { nil: undefined }),
    jitter: fc.boolean(),
  });

  test('a delay stays within 20 % of the one without jitter and never passes maxDelay', () => {
    fc.assert(
      fc.property(policies, fc.integer({ min: 1, max: 100 }), fc.string(), (policy, attempt, seed) => {
        const delay = backoffDelayMs(policy, attempt, seed);
        const plain = backoffDelayMs({ ...policy, jitter: false }, attempt, seed);
        expect(delay).toBeLessThanOrEqual(Math.round(policy.maxDelay * 1000));
        // Both are rounded to whole ms.
        expect(delay).toBeGreaterThanOrEqual(Math.floor((plain - 0.5) * 0.8));
        expect(delay).toBeLessThanOrEqual(Math.ceil((plain + 0.5) * 1.2));
        if (!policy.jitter) expect(delay).toBe(plain);
        expect(backoffDelayMs(policy, attempt, seed)).toBe(delay);
      }),
      { numRuns: 2000 },
    );
  });

  test('jitter spreads near seeds over the whole band', () => {
    const spread = Array.from({ length: 1000 }, (_, i) =>
      backoffDelayMs(defaultRetryPolicy, 1, `run_${i}:step:0`),
    );
    expect(Math.min(...spread)).toBeLessThan(820);
    expect(Math.max(...spread)).toBeGreaterThan(1180);
    const mean = spread.reduce((sum, delay) => sum + delay) / spread.length;
    expect(Math.abs(mean - 1000)).toBeLessThan(20);
  });

  test('a hook is tried 8 times over about a day', () => {
    expect(hookRetryPolicy.maxAttempts).toBe(8);
    const total = delays({ ...hookRetryPolicy, jitter: false }, 7).reduce((sum, delay) => sum + delay);
    expect(total / 3_600_000).toBeGreaterThan(20);
    expect(total / 3_600_000).toBeLessThan(28);
  });
});

test('a hash fraction is in [0, 1) and depends on the text alone', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const fraction = hashFraction(text);
      return fraction >= 0 && fraction < 1 && fraction === hashFraction(text);
    }),
  );
});
