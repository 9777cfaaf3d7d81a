import type { Cancel, Command, EndAttempt, Quarantine } from './commands.ts';
import { decideAddSteps } from './decide-added-steps.ts';
import { decideEndStep, decidePause, decideResendHook } from './decide-by-hand.ts';
import {
  decideCallback,
  decideChildEnded,
  decideExpiry,
  decideStartChild,
  decideWake,
} from './decide-callback.ts';
import { type Decision, reject } from './decision.ts';
import { exchangesOf, isOwed, isSendable } from './deliveries.ts';
import type { Delivery, DeliveryKind, StepError } from './delivery.ts';
import { endsOf, isGivenUp, mayStartAttempts, retryPolicyOf } from './end-of-attempt.ts';
import type { RunEvent } from './events.ts';
import { attemptLost, findDelivery, nameOf } from './evolve-delivery.ts';
import { judgeStep } from './judge-step.ts';
import { isCompensable } from './plan.ts';
import { decideRetry } from './reopen.ts';
import { givesUpAt } from './retry.ts';
import { decideSignal } from './signals.ts';
import { isTerminal, type RunState } from './state.ts';

/** The one place where anything is decided. Pure: `now` is engine time in ms. Never throws. */
export function decide(state: RunState, command: Command, now: number): Decision {
  switch (command.type) {
    case 'start':
      if (state.state !== 'pending') return reject('run_not_pending', `the run is ${state.state}`);
      if (now < (state.startAt ?? now)) return reject('not_yet', `the run starts at ${state.startAt}`);
      return { events: [{ type: 'run.started', at: now }] };
    case 'startAttempt':
      return decideStart(state, command, now);
    case 'endAttempt':
      return decideEnd(state, command, now);
    case 'loseAttempts':
      return { events: losses(state, now) };
    case 'loseAttempt': {
      const delivery = findDelivery(state, command);
      if (!delivery?.open || delivery.attempts !== command.attempt) return notOpen(command);
      return { events: [lost(state, delivery, now)] };
    }
    case 'timeOut':
      if (state.state !== 'running') return reject('run_ended', `the run is ${state.state}`);
      if (state.phase === 'compensating') return reject('run_ending', `the run is ${state.phase}`);
      return { events: [{ type: 'run.timed_out', at: now }] };
    case 'wakeStep':
      return decideWake(state, command.step, now);
    case 'expireAttempt':
      return decideExpiry(state, command, now);
    case 'callback':
      return decideCallback(state, command, now);
    case 'pause':
    case 'resume':
      return decidePause(state, command, now);
    case 'skipStep':
    case 'completeStep':
      return decideEndStep(state, command, now);
    case 'addSteps':
      return decideAddSteps(state, command, now);
    case 'signal':
      return decideSignal(state, command, now);
    case 'startChild':
      return decideStartChild(state, command, now);
    case 'childEnded':
      return decideChildEnded(state, command, now);
    case 'retry':
      return decideRetry(state, command, now);
    case 'resendHook':
      return decideResendHook(state, command, now);
    case 'cancel':
      return decideCancel(state, command, now);
    case 'quarantine':
      return decideQuarantine(state, command, now);
  }
}

/**
 * What follows from the state by itself, one event at a time, until null: the end of the run, or the
 * start of its compensations.
 */
export function conclude(state: RunState, now: number): RunEvent | null {
  if (isTerminal(state.state)) return null;
  for (const index of state.toJudge.keys()) return judgeStep(state, index, now);
  if (state.phase === 'running') return concludeRunning(state, now);
  const ended = { type: state.ending === 'cancelled' ? 'run.cancelled' : 'run.failed', at: now } as const;
  if (state.phase === 'draining' && state.openExchanges === 0) {
    // What has not ended by now is the failure path.
    if (state.unfinished > 0) return state.isDrained ? null : { type: 'run.drained', at: now };
    return state.compensate && hasCompensable(state) ? { type: 'run.compensating', at: now } : ended;
  }
  return state.phase === 'compensating' && state.compensationsLeft.length === 0 ? ended : null;
}

function concludeRunning(state: RunState, now: number): RunEvent | null {
  const { awaitingRound, active, unfinished, rounds } = state;
  if (awaitingRound.length > 0) {
    return active === 0 ? { type: 'run.retrying', at: now, round: rounds + 1 } : null;
  }
  return unfinished === 0 ? { type: 'run.completed', at: now } : null;
}

function hasCompensable(state: RunState): boolean {
  return state.completionOrder.some((index) => isCompensable(state.plan.steps[index]!));
}

function decideStart(
  state: RunState,
  command: { delivery: DeliveryKind; step?: string | undefined; round?: number | undefined },
  now: number,
): Decision {
  const { delivery: kind, step, round } = command;
  const delivery = findDelivery(state, command);
  const isOpen = delivery !== null && !delivery.open && delivery.state === 'open';
  const late = isOpen && isOwed(state, delivery) ? givenUp(state, delivery, now) : null;
  // Also of what a pause or a limit holds back.
  if (late !== null) return { events: [late] };
  if (!isOpen || !isSendable(state, delivery)) {
    return reject('delivery_not_due', `nothing to send for ${kind} ${step ?? ''}`);
  }
  const { maxConcurrency } = state.plan.definition;
  const inFlight = state.openExchanges - state.openChildren;
  if (kind === 'step' && maxConcurrency !== undefined && inFlight >= maxConcurrency) {
    return reject('at_capacity', `${inFlight} deliveries of this run are in flight`);
  }
  const attempt = delivery.attempts + 1;
  return { events: [{ type: 'attempt.started', at: now, delivery: kind, step, round, attempt }] };
}

/** Its next attempt has come too late: the run was paused, or nobody drove it. */
function givenUp(state: RunState, delivery: Delivery, now: number): RunEvent | null {
  const { kind, index, error } = delivery;
  if (kind === 'hook' || now < givesUpAt(retryPolicyOf(state, delivery), delivery)) return null;
  return {
    type: `${kind}.given_up`,
    at: now,
    step: state.plan.steps[index]!.id,
    error: error ?? attemptLost,
  };
}

function decideEnd(state: RunState, command: EndAttempt, now: number): Decision {
  const delivery = findDelivery(state, command);
  if (!delivery?.open || delivery.attempts !== command.attempt) return notOpen(command);
  return { events: endsOf(state, delivery, command, now) };
}

function decideCancel(state: RunState, command: Cancel, now: number): Decision {
  if (isTerminal(state.state)) return reject('run_ended', `the run is already ${state.state}`);
  if (isPastCancelling(state)) return reject('run_ending', 'the run is already ending and compensating');
  const { commandId, compensate, reason } = command;
  return {
    events: [
      { type: 'command.applied', at: now, commandId },
      { type: 'run.cancelling', at: now, compensate, reason },
    ],
  };
}

/** Ends the run, and the hooks that it owes: of one that has ended, one of them is what could not be sent. */
function decideQuarantine(state: RunState, { code, message }: Quarantine, now: number): Decision {
  const error = { code, message };
  const owed = state.hooks.filter((hook) => hook.state === 'open');
  const unsent = owed.map((hook) => unsendable(hook, error, now));
  if (!isTerminal(state.state)) return { events: [...unsent, { type: 'run.quarantined', at: now, error }] };
  if (unsent.length === 0) return reject('run_ended', `the run is ${state.state}`);
  return { events: unsent };
}

function unsendable(
  { open, attempts, attemptStartedAt, round }: Delivery,
  error: StepError,
  now: number,
): RunEvent {
  const attempt = open ? attempts : attempts + 1;
  const startedAt = open ? attemptStartedAt : now;
  return { type: 'hook.failed', at: now, delivery: 'hook', round, attempt, startedAt, error };
}

function isPastCancelling(state: RunState): boolean {
  return state.phase === 'compensating' || state.ending === 'cancelled';
}

/** Failures come last: with the first of them a run may begin to drain, and then nothing is only lost any more. */
function losses(state: RunState, now: number): RunEvent[] {
  const events = exchangesOf(state).map((delivery) => lost(state, delivery, now));
  const isLost = ({ type }: RunEvent) => type === 'attempt.lost';
  return [...events.filter(isLost), ...events.filter((event) => !isLost(event))];
}

function lost(state: RunState, delivery: Delivery, now: number): RunEvent {
  const { kind, attempts: attempt, attemptStartedAt: startedAt } = delivery;
  const { step, round } = nameOf(state, delivery);
  if (kind === 'step' && isLostForGood(state, delivery)) return lostForGood(delivery, step!, now);
  return { type: 'attempt.lost', at: now, delivery: kind, step, round, attempt, startedAt };
}

/** No further attempt may start: the run drains, or the step is to be sent once at most. */
function isLostForGood(state: RunState, delivery: Delivery): boolean {
  const { definition } = state.plan.steps[delivery.index]!;
  if (definition.delivery === 'at-most-once' || isGivenUp(state, delivery)) return true;
  return !mayStartAttempts(state);
}

function lostForGood(delivery: Delivery, step: string, now: number): RunEvent {
  const { attempts: attempt, attemptStartedAt: startedAt } = delivery;
  return { type: 'step.failed', at: now, delivery: 'step', step, attempt, startedAt, error: attemptLost };
}

function notOpen(named: { delivery: DeliveryKind; step?: string | undefined; attempt: number }): Decision {
  const { delivery, step, attempt } = named;
  return reject('attempt_not_open', `attempt ${attempt} of ${delivery} ${step ?? ''} is not open`);
}
