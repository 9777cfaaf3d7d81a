import { describe, expect, test } from 'vitest';
import { step, success, workflow } from '../test/definitions.ts';
import type { StepDefinition } from './definition.ts';
import { noEffects } from './effects.ts';
import { compilePlan, type Plan } from './plan.ts';
import { createRunState, type RunState } from './state.ts';
import { transact } from './transact.ts';

const stepCount = 10_000;

/** Counts every look at a step of the state or at a dependent: what the cost of an event is made of. */
function counted(plan: Plan): { state: RunState; visits: () => number } {
  let visits = 0;
  const watch = <T extends object>(list: T): T =>
    new Proxy(list, {
      get(target, key, receiver) {
        if (typeof key === 'string' && /^\d+$/.test(key)) visits++;
        return Reflect.get(target, key, receiver);
      },
    });
  const steps = watch(plan.steps.map((step) => ({ ...step, dependents: watch(step.dependents) })));
  const watched = { ...plan, steps };
  const state = createRunState(watched, 'run_test');
  Object.assign(state, { steps: watch(state.steps) });
  visits = 0;
  return { state, visits: () => visits };
}

/** Completes all steps in definition order, as one attempt each, and gives the visits that took. */
function visitsToComplete(steps: StepDefinition[]): number {
  const { state, visits } = counted(compilePlan(workflow(steps)));
  transact(state, { type: 'start' }, 1, noEffects);
  for (const { id } of steps) {
    const name = { delivery: 'step', step: id } as const;
    transact(state, { type: 'startAttempt', ...name }, 2, noEffects);
    transact(state, { type: 'endAttempt', ...name, attempt: 1, outcome: success }, 3, noEffects);
  }
  expect(state.state).toBe('completed');
  return visits();
}

const chain = (length: number) =>
  Array.from({ length }, (_, i) => step(`s${i}`, { dependsOn: i === 0 ? [] : [`s${i - 1}`] }));
const fanOut = (length: number, parallel: boolean) =>
  Array.from({ length }, (_, i) => step(`s${i}`, { parallel, dependsOn: i === 0 ? [] : ['s0'] }));

/** Each list grows tenfold and so may the visits; with a scan of all steps an event they would grow a hundredfold. */
describe('the cost of a run is linear in its edges', () => {
  test.each<[string, (length: number) => StepDefinition[]]>([
    ['a chain', chain],
    ['a parallel fan-out', (length) => fanOut(length, true)],
    ['a serial fan-out', (length) => fanOut(length, false)],
  ])('%s of 10,000 steps', (_, make) => {
    const small = visitsToComplete(make(stepCount / 10));
    const large = visitsToComplete(make(stepCount));
    expect(large).toBeLessThanOrEqual(10.1 * small);
    expect(large).toBeLessThan(25 * stepCount);
    expect(large).toBeGreaterThan(stepCount);
  });
});
