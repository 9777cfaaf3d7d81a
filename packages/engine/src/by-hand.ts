import { completeStep } from './complete-step.ts';
import type { Effects } from './effects.ts';
import type { StepPassed, StepSkipped } from './events.ts';
import { leaveLane } from './ready.ts';
import { settle, skip } from './settle.ts';
import type { RunState } from './state.ts';
import { hasEnded, membersOf, type StepState, stepOf } from './step-state.ts';

export function skipByHand(state: RunState, event: StepSkipped, effects: Effects): void {
  const step = stepOf(state, event.step);
  giveUpAll(state, step, event.at, effects);
  skip(state, step, 'skipped_by_hand', event.at);
  settle(state, step, 'skipped', event.at, effects);
  leaveLane(state, step);
}

export function completeByHand(state: RunState, event: StepPassed, effects: Effects): void {
  const step = stepOf(state, event.step);
  giveUpAll(state, step, event.at, effects);
  completeStep(state, step, event, effects);
}

/** Of a `forEach`, the instances that have not ended are skipped with it. */
function giveUpAll(state: RunState, step: StepState, at: number, effects: Effects): void {
  giveUp(state, step, effects);
  for (const member of membersOf(state, step)) {
    if (hasEnded(member)) continue;
    giveUp(state, member, effects);
    skip(state, member, 'skipped_by_hand', at);
    settle(state, member, 'skipped', at, effects);
  }
}

/** Nothing is sent for it any more; what is in flight is given up. */
function giveUp(state: RunState, { delivery }: StepState, effects: Effects): void {
  if (!delivery) return;
  if (delivery.open) {
    state.openExchanges--;
    if (delivery.child !== null) state.openChildren--;
  }
  // The error of its last attempt is no error of a step that a person has ended.
  Object.assign(delivery, { open: false, isPending: false, pendingUntil: null, retryAt: null });
  Object.assign(delivery, { error: null, state: 'completed' });
  effects.revoked(delivery);
}
