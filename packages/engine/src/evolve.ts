import { completeByHand, skipByHand } from './by-hand.ts';
import { dueDeliveries } from './deliveries.ts';
import { type Effects, noEffects } from './effects.ts';
import { cancel, quarantine, timeOut } from './end-early.ts';
import type { RunEvent, RunRetrying } from './events.ts';
import {
  completeDelivery,
  extendAttempt,
  failAttempt,
  failDelivery,
  holdAttempt,
  loseAttempt,
  startAttempt,
} from './evolve-delivery.ts';
import { admitNext, enterLane, enterReady } from './lane.ts';
import { settlePending } from './settle.ts';
import { createDelivery, type RunState, type StepError } from './state.ts';

/**
 * Applies one event to a state that the caller alone owns, and reports what became due.
 * Costs O(dependents of the step), except the few events that end a run early: O(steps), once.
 */
export function evolve(state: RunState, event: RunEvent, effects: Effects = noEffects): void {
  apply(state, event, effects);
  admitNext(state, effects);
}

function apply(state: RunState, event: RunEvent, effects: Effects): void {
  switch (event.type) {
    case 'run.created':
      state.createdAt = event.at;
      if (event.started) start(state, event.at, effects);
      return;
    case 'run.started':
      return start(state, event.at, effects);
    case 'attempt.started':
      return startAttempt(state, event, effects);
    case 'attempt.failed':
      return failAttempt(state, event, effects);
    case 'attempt.lost':
      return loseAttempt(state, event, effects);
    case 'attempt.pending':
      return holdAttempt(state, event, effects);
    case 'attempt.extended':
      return extendAttempt(state, event, effects);
    case 'step.woken':
      return enterLane(state, state.steps[state.plan.indexById.get(event.step)!]!, effects);
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
    case 'step.skipped':
      return skipByHand(state, event, effects);
    case 'step.passed':
      return completeByHand(state, event, effects);
    case 'run.paused':
      state.isPaused = true;
      return;
    case 'run.resumed':
      state.isPaused = false;
      for (const delivery of dueDeliveries(state)) effects.due(delivery);
      return;
    case 'run.drained':
      state.isDrained = true;
      return settlePending(state, event.at, effects);
    case 'run.retrying':
      return startRound(state, event, effects);
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
      quarantine(state, event.at, effects);
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
  for (const index of state.plan.roots) enterReady(state, state.steps[index]!, at, effects);
}

/** The failed steps are sent again, as new deliveries. */
function startRound(state: RunState, { round, at }: RunRetrying, effects: Effects): void {
  state.rounds = round;
  const failed = state.awaitingRound.splice(0).sort((a, b) => a - b);
  for (const index of failed) {
    const step = state.steps[index]!;
    Object.assign(step, { error: null, completedAt: null, endedOrder: null });
    state.unfinished++;
    enterReady(state, step, at, effects);
  }
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
