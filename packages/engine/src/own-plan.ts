import type { StepDefinition } from './definition.ts';
import { appendInstances, appendSteps, copyPlan, type OwnPlan, type PlanStep } from './plan.ts';
import type { RunState } from './state.ts';
import { createStepState, hasStarted, type StepState } from './step-state.ts';

/** Appends steps to this run alone; each learns how those above it have come along. */
export function addDefinitions(
  state: RunState,
  definitions: readonly StepDefinition[],
  at: number,
): StepState[] {
  const added = appendSteps(ownPlanOf(state), definitions).map((plan) => createStepState(plan, at));
  takeIn(state, added);
  for (const step of added) tallyUp(state, step);
  return added;
}

export function addInstances(state: RunState, step: StepState, items: readonly string[]): StepState[] {
  const added = appendInstances(ownPlanOf(state), step.plan.index, items).map((plan) =>
    createStepState(plan, step.bornAt),
  );
  takeIn(state, added);
  return added;
}

function takeIn(state: RunState, added: readonly StepState[]): void {
  for (const step of added) state.steps.push(step);
}

/** Counts anew how its dependencies have come along. */
export function tallyUp(state: RunState, { plan, tally }: StepState): void {
  for (const index of plan.dependencies) {
    const above = state.steps[index]!;
    if (hasStarted(above) || above.state === 'completed') tally.started++;
    if (above.ending === null) continue;
    tally.open--;
    tally.ended[above.ending]++;
  }
}

function ownPlanOf(state: RunState): OwnPlan {
  if (state.ownPlan !== null) return state.ownPlan;
  const own = copyPlan(state.plan);
  state.ownPlan = own;
  state.plan = own;
  state.steps.forEach((step, index) => {
    step.plan = own.steps[index]! satisfies PlanStep;
  });
  return own;
}
