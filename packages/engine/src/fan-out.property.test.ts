import fc from 'fast-check';
import { expect, test } from 'vitest';
import { actionsByHand, fanOutWorkflows } from '../test/arbitraries.ts';
import { FanOutInvariants } from '../test/fan-out-invariants.ts';
import { foldsAlike, simulate } from '../test/simulate.ts';
import { compilePlan } from './plan.ts';

function explore(parameters: fc.Parameters<unknown>): Set<string> {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fanOutWorkflows, actionsByHand, fc.boolean(), (definition, list, isLazy) => {
      const invariants = new FanOutInvariants();
      const driver = simulate(compilePlan(definition), list, { isLazy, asksAround: false, invariants });
      expect(foldsAlike(driver, driver.journal)).toBe(true);
      for (const sight of invariants.seen) seen.add(sight);
    }),
    parameters as object,
  );
  return seen;
}

test('fan-outs, ends by hand and retries: the run ends, and folds to the same state at every commit', () => {
  expect(explore({ numRuns: 100, interruptAfterTimeLimit: 30_000 }).size).toBeGreaterThan(0);
});

test('from this seed the property gets to the interesting places', () => {
  const places = [
    ...['step.expanded', 'step.gathered', 'too_many_failures', 'tolerated', 'run_failed', 'run.reopened'],
    ...['step.skipped', 'step.passed', 'completed after a retry', 'failed after a retry'],
    ...['completed', 'failed', 'cancelled', 'run.retrying', 'run.timed_out', 'attempt.lost'],
  ];
  expect([...explore({ numRuns: 60, seed: 99 })]).toEqual(expect.arrayContaining(places));
});
