import { ancestorsOf, type Plan, type PlanStep } from './plan.ts';
import type { RunState } from './state.ts';
import type { StepState } from './step-state.ts';

/**
 * Of the steps above this one, those that had ended when it became ready, as far as it asks for them: every attempt
 * is sent the same.
 */
export function previousSteps(state: RunState, step: StepState): StepState[] {
  return inputs(state.plan, step.plan)
    .map((index) => state.steps[index]!)
    .filter(({ endedOrder }) => endedOrder !== null && endedOrder < step.readyOrder);
}

/** All ancestors, unless the step asks for less. */
function inputs(plan: Plan, { definition: { input }, dependencies, index }: PlanStep): readonly number[] {
  if (input === undefined) return ancestors(plan, index);
  if (input === 'none') return [];
  if (input === 'dependencies') return [...dependencies].sort((a, b) => a - b);
  return input.map((id) => plan.indexById.get(id)!).sort((a, b) => a - b);
}

/** Ancestor lists are shared by all runs of a plan, except for plans so large that the lists would not be small. */
const cachedStepsMax = 256;
const ancestorLists = new WeakMap<Plan, (number[] | undefined)[]>();

function ancestors(plan: Plan, index: number): number[] {
  if (plan.steps.length > cachedStepsMax) return ancestorsOf(plan, index);
  const lists = ancestorLists.get(plan) ?? [];
  if (lists.length === 0) ancestorLists.set(plan, lists);
  lists[index] ??= ancestorsOf(plan, index);
  return lists[index];
}
