import { isCancelMode } from './condition.ts';
import type { Effects } from './effects.ts';
import type { StepsAdded } from './events.ts';
import { addDefinitions } from './own-plan.ts';
import { settle, settlePending, skip } from './settle.ts';
import type { RunState } from './state.ts';
import { endStep, hasEnded, type StepState } from './step-state.ts';

/** New steps are judged at once: what they depend on may have ended already. */
export function addSteps(state: RunState, { steps, at, step: addedBy }: StepsAdded, effects: Effects): void {
  const added = addDefinitions(state, steps, at);
  for (const step of added) step.addedBy = addedBy ?? null;
  state.unfinished += added.length;
  if (state.ending !== null) for (const step of added) refuse(state, step, at, effects);
  settlePending(state, added, at, effects);
}

/** In a run that is ending, what would be cut off is cut off from the start. */
function refuse(state: RunState, step: StepState, at: number, effects: Effects): void {
  // Below one that was cut off just before it may have ended with that one already.
  if (hasEnded(step) || mayEndingRunTake(state, step)) return;
  if (state.ending === 'failed') {
    skip(state, step, 'run_failed', at);
    return settle(state, step, 'blocked', at, effects);
  }
  step.reason = 'run_cancelled';
  endStep(state, step, 'cancelled', at);
  settle(state, step, 'cancelled', at, effects);
}

function mayEndingRunTake({ ending }: RunState, { plan }: StepState): boolean {
  return ending === 'failed' ? plan.isFailurePath : isCancelMode(plan.condition.mode);
}
