import { describe, expect, test } from 'vitest';
import { simulate, whole } from './simulation.ts';
import { faultKinds } from './swarm.ts';

const seeds = 40;

describe('simulations', () => {
  test('whatever goes wrong, nothing is violated, and everything ends in the calm', async () => {
    const injected = new Set<string>();
    let requests = 0;
    for (let seed = 1; seed <= seeds; seed++) {
      const result = await simulate(seed);
      expect(result.violations, `npm run simulate -- --seed ${seed}`).toEqual([]);
      for (const kind of result.injected.keys()) injected.add(kind);
      requests += result.requests;
    }
    expect(requests).toBeGreaterThan(20 * seeds);
    expect([...injected].sort()).toEqual([...faultKinds].sort());
  });

  test('a seed replays to the same log, and another seed to another', async () => {
    const [once, again, other] = [await simulate(7), await simulate(7), await simulate(8)];
    expect(again.log).toEqual(once.log);
    expect(other.hash).not.toBe(once.hash);
    expect(once.log.length).toBeGreaterThan(100);
  });

  test('without kinds of faults, or with fewer runs, it is smaller', async () => {
    const quiet = await simulate(7, { kinds: new Set(faultKinds), runsMax: 1 });
    expect(quiet.injected.size).toBe(0);
    expect(quiet.violations).toEqual([]);
    expect(quiet.requests).toBeLessThan((await simulate(7, whole)).requests);
  });
});
