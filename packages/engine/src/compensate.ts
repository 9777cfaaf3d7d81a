import { createDelivery, type StepError } from './delivery.ts';
import type { Effects } from './effects.ts';
import { isCompensable } from './plan.ts';
import type { RunState } from './state.ts';

export function startCompensating(state: RunState, effects: Effects): void {
  state.phase = 'compensating';
  state.compensationsLeft = state.completionOrder.filter((index) => isCompensable(state.plan.steps[index]!));
  for (const index of state.compensationsLeft) {
    state.steps[index]!.compensation = createDelivery('compensation', index);
  }
  const next = state.compensationsLeft.at(-1);
  if (next !== undefined) effects.due(state.steps[next]!.compensation!);
}

/** A quarantined run sends nothing but its hook: what is not compensated by now never will be. */
export function dropCompensations(state: RunState, { code, message }: StepError, effects: Effects): void {
  for (const index of state.compensationsLeft) {
    const compensation = state.steps[index]!.compensation!;
    const outcome = compensation.attempts > 0 ? 'unknown' : undefined;
    Object.assign(compensation, {
      state: 'failed',
      open: false,
      retryAt: null,
      error: { code, message, outcome },
    });
    effects.revoked(compensation);
  }
  state.compensationsLeft = [];
}
