import { type Effects, noEffects } from './effects.ts';
import type { RunEvent } from './events.ts';
import { completeDelivery, failAttempt, failDelivery, loseAttempt, startAttempt } from './evolve-delivery.ts';
import { enterReady } from './lane.ts';
import {
  createDelivery,
  hasEnded,
  type RunState,
  type StepError,
  type StepReason,
  type StepState,
} from './state.ts';

/**
 * Applies one event to a state that the caller alone owns, and reports what became due.
 * Costs O(dependents of the step), except the few events that end a run early: O(steps), once.
 */
export function evolve(state: RunState, event: RunEvent, effects: Effects = noEffects): void {
  switch (event.type) {
    case 'run.created':
      state.createdAt = event.at;
      if (event.started) start(state, event.at, effects);
      return;
    case 'run.started':
      return start(state, event.at, effects);
    case 'attempt.started':
      return startAttempt(state, event);
    case 'attempt.failed':
      return failAttempt(state, event, effects);
    case 'attempt.lost':
      return loseAttempt(state, event, effects);
    case 'step.completed':
    case 'compensation.completed':
    case 'hook.delivered':
      return completeDelivery(state, event, effects);
    case 'step.failed':
    case 'compensation.failed':
    case 'hook.failed':
      return failDelivery(state, event, effects);
    case 'run.timed_out':
      return timeOut(state, event.at, effects);
    case 'run.cancelling':
      return cancel(state, event, effects);
    case 'run.compensating':
      return startCompensating(state, effects);
    case 'run.completed':
      return end(state, 'completed', event.at, effects);
    case 'run.failed':
      return end(state, 'failed', event.at, effects);
    case 'run.cancelled':
      return end(state, 'cancelled', event.at, effects);
    case 'run.quarantined':
      state.error = event.error;
      endEarly(state, event.at, 'run_failed', effects);
      dropCompensations(state, event.error, effects);
      return end(state, 'failed', event.at, effects);
    case 'command.applied':
    case 'command.refused':
      return;
    default:
      // A newer version wrote it. Folding on would give a state that is wrong in silence.
      throw new TypeError(`unknown event type ${(event as { type: string }).type}`);
  }
}

function start(state: RunState, at: number, effects: Effects): void {
  state.state = 'running';
  state.phase = 'running';
  state.startedAt = at;
  for (const index of state.plan.roots) enterReady(state, state.steps[index]!, effects);
}

function timeOut(state: RunState, at: number, effects: Effects): void {
  const seconds = state.plan.definition.timeout;
  state.error ??= { code: 'run_timeout', message: `the run did not end within its timeout of ${seconds} s` };
  state.ending = 'failed';
  state.phase = 'draining';
  endEarly(state, at, 'run_timeout', effects);
}

function cancel(
  state: RunState,
  event: { at: number; compensate: boolean; reason?: string | undefined },
  effects: Effects,
): void {
  state.error ??= { code: 'run_cancelled', message: event.reason ?? 'the run was cancelled' };
  state.ending = 'cancelled';
  state.phase = 'draining';
  state.compensate &&= event.compensate;
  endEarly(state, event.at, 'run_cancelled', effects);
}

/** Ends every step that has not ended. Whether an open one has acted is unknown. */
function endEarly(state: RunState, at: number, reason: StepReason, effects: Effects): void {
  for (const step of state.steps) {
    if (hasEnded(step)) continue;
    if (step.delivery) {
      step.delivery.open = false;
      step.delivery.retryAt = null;
      effects.revoked(step.delivery);
    }
    if (step.state === 'running') endRunning(step, reason);
    else step.state = 'cancelled';
    step.reason = reason;
    step.completedAt = at;
  }
  state.unfinished = 0;
  state.openExchanges = 0;
  state.laneHolder = null;
  state.laneQueue.clear();
}

function endRunning(step: StepState, reason: StepReason): void {
  step.state = reason === 'run_cancelled' ? 'cancelled' : 'failed';
  const message = reason === 'run_timeout' ? 'the run timed out' : 'the run ended';
  step.error = {
    code: reason,
    message: `${message} while this step was open; whether its handler acted is unknown`,
    outcome: 'unknown',
  };
}

function startCompensating(state: RunState, effects: Effects): void {
  state.phase = 'compensating';
  state.compensationsLeft = state.completionOrder.filter(
    (index) => state.steps[index]!.plan.definition.compensation !== undefined,
  );
  for (const index of state.compensationsLeft) {
    state.steps[index]!.compensation = createDelivery('compensation', index);
  }
  const next = state.compensationsLeft.at(-1);
  if (next !== undefined) effects.due(state.steps[next]!.compensation!);
}

/** A quarantined run sends nothing but its hook: what is not compensated by now never will be. */
function dropCompensations(state: RunState, { code, message }: StepError, effects: Effects): void {
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

function end(
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
  state.hook = Object.assign(createDelivery('hook', -1), { name, url } as const);
  effects.due(state.hook);
}
