import { createDelivery } from './delivery.ts';
import type { Effects } from './effects.ts';
import type { HookReopened } from './events.ts';
import { isTerminal, type RunState } from './state.ts';

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
  if (url !== undefined) {
    const delivery = createDelivery('hook', -1, state.hooks.length);
    const hook = Object.assign(delivery, { name, url, ended: null } as const);
    state.hooks.push(hook);
    effects.due(hook);
  }
  awaitHooks(state);
}

/** A run that has ended is done once no hook is owed any more, those of earlier rounds included. */
export function awaitHooks(state: RunState): void {
  if (!isTerminal(state.state)) return;
  const isOwed = state.hooks.some((hook) => hook.state === 'open');
  state.phase = isOwed ? 'hooks' : 'done';
  // With nothing left to hold back, nobody could see it, nor end it before a retry.
  if (!isOwed) state.isPaused = false;
}

/** The same delivery, with the same `webhook-id`: its attempts go on, its budget is a fresh one. */
export function resendHook(state: RunState, { round }: HookReopened, effects: Effects): void {
  const hook = state.hooks[round ?? state.hooks.length - 1]!;
  Object.assign(hook, { state: 'open', spent: 0, firstStartedAt: null, retryAt: null });
  awaitHooks(state);
  effects.due(hook);
}
