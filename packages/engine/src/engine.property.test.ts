import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { actions, workflows } from '../test/arbitraries.ts';
import type { Driver } from '../test/driver.ts';
import { foldsAlike, simulate } from '../test/simulate.ts';
import { findGraphFaults } from './graph.ts';
import { compilePlan } from './plan.ts';

const interference = fc.record({ isLazy: fc.boolean(), asksAround: fc.constantFrom(true, false, false) });

/** Runs the property and gives what the runs came by. */
function explore(parameters: fc.Parameters<unknown>): Set<string> {
  const seen = new Set<string>();
  fc.assert(
    fc.property(workflows, actions, interference, (definition, list, how) => {
      expect(findGraphFaults(definition.steps)).toEqual([]);
      const driver = simulate(compilePlan(definition), list, how);
      for (const sight of sightsOf(driver)) seen.add(sight);
      expect(foldsAlike(driver, driver.journal)).toBe(true);
    }),
    parameters as object,
  );
  return seen;
}

describe('any workflow, any answers, any interruptions', () => {
  test('the run keeps to its semantics, ends, and folds to the same state at every commit', () => {
    expect(explore({ numRuns: 150, interruptAfterTimeLimit: 30_000 }).size).toBeGreaterThan(0);
  });

  test('a property that never got to the interesting places would show nothing: from this seed it does', () => {
    expect([...explore({ numRuns: 100, seed: 2 })]).toEqual(expect.arrayContaining(places));
  });
});

const places = [
  ...['completed', 'failed', 'cancelled', 'completed with a failed step'],
  ...[
    'step.given_up',
    'attempt.lost',
    'attempt.failed',
    'step.failed',
    'run.timed_out',
    'run.quarantined',
    'hook.delivered',
  ],
  ...['compensation.completed', 'compensation.failed', 'run.drained', 'run.retrying', 'round 2'],
  ...['steps.added', 'step.admitted', 'step.declined', 'step.faulted', 'step.began', 'step.woken'],
  ...['signal.received', 'signal.taken', 'wait.over', 'run.drained then steps.added'],
  ...['always', 'onFailure', 'onCancelled', 'onFailureOrCancelled', 'onAnyCompleted', 'inProgress']
    .flatMap((mode) => [`${mode} completed null`, `${mode} skipped condition_not_met`])
    .filter((sight) => sight !== 'always skipped condition_not_met'),
  ...['join completed null', 'join skipped upstream_failed', 'join skipped run_failed'],
  ...['partial completed null', 'partial skipped condition_not_met'],
  ...['completed null', 'skipped upstream_failed', 'skipped upstream_skipped', 'skipped run_failed'].map(
    (fate) => `onSuccess ${fate}`,
  ),
  ...[
    'run.drained then step.completed',
    'run.cancelling then step.completed',
    'run.cancelling then step.failed',
  ],
];

function* sightsOf({ journal, state }: Driver): Generator<string> {
  const earlier = new Set<string>();
  for (const event of journal) {
    yield event.type;
    if (event.type === 'run.retrying') yield `round ${event.round}`;
    for (const type of earlier) yield `${type} then ${event.type}`;
    if (event.type === 'run.drained' || event.type === 'run.cancelling') earlier.add(event.type);
  }
  yield state.state;
  for (const step of state.steps) {
    yield `${step.plan.condition.mode} ${step.state} ${step.reason}`;
    if (step.state === 'failed') yield `${state.state} with a failed step`;
  }
}
