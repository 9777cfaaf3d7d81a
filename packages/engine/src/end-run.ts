import { createDelivery } from './delivery.ts';
import type { Effects } from './effects.ts';
import type { RunState } from './state.ts';

/** Exactly one hook follows, after everything else. */
export function endRun(
  state: RunState,
  outcome: 'completed' | 'failed' | 'cancelled',
  at: number,
  effects: Effects,
): void {
  state.state = outcome;
  state.completedAt = at;
  const name = outcome === 'completed' ? 'onComplete' : 'onError';
  const url = state.plan.definition[name];
  if (url === undefined) {
    state.phase = 'done';
    return;
  }
  state.phase = 'hooks';
  state.hook = Object.assign(createDelivery('hook', -1, state.pastHooks.length), { name, url } as const);
  effects.due(state.hook);
}

/** The same delivery, with the same `webhook-id`: its attempts go on, its budget is a fresh one. */
export function resendHook(state: RunState, effects: Effects): void {
  const hook = state.hook!;
  Object.assign(hook, { state: 'open', spent: 0, firstStartedAt: null, retryAt: null });
  state.phase = 'hooks';
  effects.due(hook);
}
