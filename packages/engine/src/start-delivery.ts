import { createDelivery } from './delivery.ts';
import type { Effects } from './effects.ts';
import type { RunState } from './state.ts';
import type { StepState } from './step-state.ts';

/** It may be sent. In a later round this is a new delivery, whose attempt numbers go on. */
export function startDelivery(state: RunState, step: StepState, effects: Effects): void {
  const { attempts, error = null } = step.delivery ?? {};
  // The error of the round before is the last one until there is another.
  step.delivery = Object.assign(createDelivery('step', step.plan.index, state.rounds, attempts), { error });
  effects.due(step.delivery);
}
