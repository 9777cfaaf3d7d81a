import { addSteps } from './added-steps.ts';
import { completeByHand, skipByHand } from './by-hand.ts';
import { startCompensating } from './compensate.ts';
import { completeStep } from './complete-step.ts';
import { copyStep } from './copy.ts';
import { dueDeliveries } from './deliveries.ts';
import { type Effects, noEffects } from './effects.ts';
import { cancel, quarantine, timeOut } from './end-early.ts';
import { endRun, resendHook } from './end-run.ts';
import type { RunCreated, RunEvent, RunRetrying } from './events.ts';
import {
  completeDelivery,
  extendAttempt,
  failAttempt,
  failDelivery,
  giveUpDelivery,
  holdAttempt,
  loseAttempt,
  startAttempt,
  startChild,
} from './evolve-delivery.ts';
import { admit, beginWait, decline, expandStep, fault, wake } from './evolve-step.ts';
import { revisitAbsorbed } from './fail-step.ts';
import { resetMembers } from './group.ts';
import { admitNext, enterAgain } from './ready.ts';
import { reopen } from './reopen.ts';
import { settlePending } from './settle.ts';
import { gather, settleGroups } from './settle-groups.ts';
import { receive, take } from './signals.ts';
import type { RunState } from './state.ts';
import { stepOf } from './step-state.ts';

/**
 * Applies one event to a state that the caller alone owns, and reports what became due.
 * Costs O(dependents of the step), except the few events that end a run early: O(steps), once.
 */
export function evolve(state: RunState, event: RunEvent, effects: Effects = noEffects): void {
  apply(state, event, effects);
  if (state.hasBlockedJoin) revisitAbsorbed(state, event.at, effects);
  if (state.touchedGroups.size > 0) settleGroups(state, event.at, effects);
  admitNext(state, effects);
}

function apply(state: RunState, event: RunEvent, effects: Effects): void {
  switch (event.type) {
    case 'run.created':
      return create(state, event, effects);
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
    case 'child.started':
      return startChild(state, event, effects);
    case 'step.admitted':
      return admit(state, event, effects);
    case 'step.declined':
      return decline(state, event, effects);
    case 'step.expanded':
      return expandStep(state, event, effects);
    case 'step.faulted':
      return fault(state, event, effects);
    case 'step.began':
      return beginWait(state, event, effects);
    case 'step.woken':
      return wake(state, event, effects);
    case 'step.gathered':
      return gather(state, stepOf(state, event.step), event, effects);
    case 'step.copied':
      return copyStep(state, event, effects);
    case 'steps.added':
      return addSteps(state, event, effects);
    case 'signal.received':
      return receive(state, event);
    case 'wait.over':
      return completeStep(state, stepOf(state, event.step), event, effects);
    case 'signal.taken':
      return take(state, stepOf(state, event.step), event.at, effects);
    case 'step.completed':
    case 'compensation.completed':
    case 'hook.delivered':
      return completeDelivery(state, event, effects);
    case 'step.failed':
    case 'compensation.failed':
    case 'hook.failed':
      return failDelivery(state, event, effects);
    case 'step.given_up':
    case 'compensation.given_up':
      return giveUpDelivery(state, event, effects);
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
      return settlePending(state, state.steps, event.at, effects);
    case 'run.retrying':
      return startRound(state, event, effects);
    case 'run.reopened':
      return reopen(state, event, effects);
    case 'hook.reopened':
      return resendHook(state, event, effects);
    case 'run.compensating':
      return startCompensating(state, effects);
    case 'run.completed':
      return endRun(state, 'completed', event.at, effects);
    case 'run.failed':
      return endRun(state, 'failed', event.at, effects);
    case 'run.cancelled':
      return endRun(state, 'cancelled', event.at, effects);
    case 'run.quarantined':
      return quarantine(state, event, effects);
    case 'command.applied':
    case 'command.refused':
      return;
    default:
      // A newer version wrote it. Folding on would give a state that is wrong in silence.
      throw new TypeError(`unknown event type ${(event as { type: string }).type}`);
  }
}

function create(state: RunState, event: RunCreated, effects: Effects): void {
  const { at, started, parent, rerunOf, startAt } = event;
  state.createdAt = at;
  state.startAt = startAt ?? null;
  state.parent = parent ?? null;
  state.rerunOf = rerunOf ?? null;
  if (started) start(state, at, effects);
}

function start(state: RunState, at: number, effects: Effects): void {
  state.state = 'running';
  state.phase = 'running';
  state.startedAt = at;
  state.clockFrom = at;
  // Below what was copied or added, others than the roots may be ready.
  const isFresh = state.endedCount === 0 && state.ownPlan === null;
  const candidates = isFresh ? state.plan.roots.map((index) => state.steps[index]!) : state.steps;
  settlePending(state, candidates, at, effects);
}

/** The failed steps are sent again, as new deliveries. */
function startRound(state: RunState, { round, at }: RunRetrying, effects: Effects): void {
  state.rounds = round;
  const failed = state.awaitingRound.splice(0).sort((a, b) => a - b);
  for (const index of failed) {
    const step = state.steps[index]!;
    Object.assign(step, { error: null, completedAt: null, endedOrder: null });
    // It waited in vain for its signal, and was not sent.
    if (step.beganAt !== null) Object.assign(step, { beganAt: null, startedAt: null });
    state.unfinished++;
    resetMembers(state, step);
    enterAgain(state, step, at, effects);
  }
}
