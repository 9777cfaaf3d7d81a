import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { actions, workflows } from '../test/arbitraries.ts';
import { foldsAlike, simulate, withoutStarts } from '../test/simulate.ts';
import { findGraphFaults } from './graph.ts';
import { compilePlan } from './plan.ts';

describe('any workflow, any answers, any interruptions', () => {
  test('the run keeps to its semantics, ends, and folds to the same state at every commit', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(workflows, actions, (definition, list) => {
        expect(findGraphFaults(definition.steps)).toEqual([]);
        const driver = simulate(compilePlan(definition), list);
        for (const event of driver.journal) seen.add(event.type);
        seen.add(driver.state.state);
        expect(foldsAlike(driver, driver.journal)).toBe(true);
        expect(foldsAlike(driver, withoutStarts(driver.journal))).toBe(true);
      }),
      { numRuns: 300 },
    );
    // A property that never gets to the interesting places shows nothing.
    expect([...seen]).toEqual(
      expect.arrayContaining([
        'completed',
        'failed',
        'cancelled',
        'attempt.lost',
        'attempt.failed',
        'step.failed',
        'compensation.completed',
        'compensation.failed',
        'run.timed_out',
        'run.quarantined',
        'hook.delivered',
      ]),
    );
  });
});
