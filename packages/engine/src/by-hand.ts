import type { Effects } from './effects.ts';
import type { StepPassed, StepSkipped } from './events.ts';
import { leaveLane } from './lane.ts';
import { settle } from './settle.ts';
import { endStep, type RunState, type StepState } from './state.ts';

export function skipByHand(state: RunState, event: StepSkipped, effects: Effects): void {
  const step = stepOf(state, event.step);
  withdraw(state, step, effects);
  endStep(state, step, 'skipped', event.at);
  step.reason = 'skipped_by_hand';
  settle(state, step, 'skipped', event.at, effects);
  leaveLane(state, step);
}

export function completeByHand(state: RunState, event: StepPassed, effects: Effects): void {
  const step = stepOf(state, event.step);
  withdraw(state, step, effects);
  step.result = event.result;
  endStep(state, step, 'completed', event.at);
  state.completionOrder.push(step.plan.index);
  settle(state, step, 'succeeded', event.at, effects);
  leaveLane(state, step);
}

function stepOf(state: RunState, id: string): StepState {
  return state.steps[state.plan.indexById.get(id)!]!;
}

/** Nothing is sent for it any more; what is in flight is given up. */
function withdraw(state: RunState, { delivery }: StepState, effects: Effects): void {
  if (!delivery) return;
  if (delivery.open) state.openExchanges--;
  Object.assign(delivery, { open: false, pendingUntil: null, retryAt: null, state: 'completed' });
  effects.revoked(delivery);
}
