import type { RunState, StepDefinition } from '../src/index.ts';
import { step } from './definitions.ts';

const conditions = [
  {},
  { runCondition: 'onFailure' },
  { runCondition: 'always' },
  { runCondition: 'inProgress' },
  { runCondition: 'onFailureOrCancelled' },
  { when: 'context.no' },
  { sleep: 1, url: undefined },
] as const;

/** One or two steps below one of the run's, the second below the first: the same pick gives the same steps. */
export function stepsToAdd({ plan }: RunState, pick: number): StepDefinition[] {
  const whole = plan.steps.filter(({ instance }) => instance === null);
  const parent = whole[pick % Math.min(whole.length, 7)]!.id;
  const kind = pick % conditions.length;
  const first = step(`${parent}-${kind}`.slice(-100), {
    dependsOn: [parent],
    parallel: true,
    ...conditions[kind],
  });
  const second = step(`${first.id}-2`, { dependsOn: [first.id], parallel: pick % 2 === 0 });
  return pick % 3 === 0 ? [second, first] : [first];
}
