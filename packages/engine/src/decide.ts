import type { Cancel, Command, EndAttempt } from './commands.ts';
import { decideEndStep, decidePause } from './decide-by-hand.ts';
import { decideCallback, decideExpiry, decideWake } from './decide-callback.ts';
import { type Decision, reject } from './decision.ts';
import { exchangesOf, isSendable } from './deliveries.ts';
import { endOf, mayStartAttempts } from './end-of-attempt.ts';
import type { RunEvent } from './events.ts';
import { attemptLost, findDelivery } from './evolve-delivery.ts';
import { type Delivery, type DeliveryKind, isTerminal, type RunState } from './state.ts';

/** The one place where anything is decided. Pure: `now` is engine time in ms. Never throws. */
export function decide(state: RunState, command: Command, now: number): Decision {
  switch (command.type) {
    case 'start':
      if (state.state !== 'pending') return reject('run_not_pending', `the run is ${state.state}`);
      return { events: [{ type: 'run.started', at: now }] };
    case 'startAttempt':
      return decideStart(state, command, now);
    case 'endAttempt':
      return decideEnd(state, command, now);
    case 'loseAttempts':
      return { events: exchangesOf(state).map((delivery) => lost(state, delivery, now)) };
    case 'loseAttempt': {
      const delivery = findDelivery(state, command);
      if (!delivery?.open || delivery.attempts !== command.attempt) return notOpen(command);
      return { events: [lost(state, delivery, now)] };
    }
    case 'timeOut':
      if (state.state !== 'running') return reject('run_ended', `the run is ${state.state}`);
      if (isPastCancelling(state)) return reject('run_ending', `the run is ${state.phase}`);
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
    case 'cancel':
      return decideCancel(state, command, now);
    case 'quarantine': {
      if (isTerminal(state.state)) return reject('run_ended', `the run is ${state.state}`);
      const { code, message } = command;
      return { events: [{ type: 'run.quarantined', at: now, error: { code, message } }] };
    }
  }
}

/**
 * What follows from the state by itself, one event at a time, until null: the end of the run, or the
 * start of its compensations.
 */
export function conclude(state: RunState, now: number): RunEvent | null {
  if (isTerminal(state.state)) return null;
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
  return state.completionOrder.some(
    (index) => state.plan.steps[index]!.definition.compensation !== undefined,
  );
}

function decideStart(
  state: RunState,
  command: { delivery: DeliveryKind; step?: string | undefined },
  now: number,
): Decision {
  const { delivery: kind, step } = command;
  const delivery = findDelivery(state, command);
  if (!delivery || delivery.open || delivery.state !== 'open' || !isSendable(state, delivery)) {
    return reject('delivery_not_due', `nothing to send for ${kind} ${step ?? ''}`);
  }
  const attempt = delivery.attempts + 1;
  return { events: [{ type: 'attempt.started', at: now, delivery: kind, step, attempt }] };
}

function decideEnd(state: RunState, command: EndAttempt, now: number): Decision {
  const delivery = findDelivery(state, command);
  if (!delivery?.open || delivery.attempts !== command.attempt) return notOpen(command);
  return { events: [endOf(state, delivery, command, now)] };
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

function isPastCancelling(state: RunState): boolean {
  return state.phase === 'compensating' || state.ending === 'cancelled';
}

function lost(state: RunState, delivery: Delivery, now: number): RunEvent {
  const { kind, attempts: attempt, attemptStartedAt: startedAt } = delivery;
  const step = kind === 'hook' ? undefined : state.plan.steps[delivery.index]!.id;
  if (kind === 'step' && !mayStartAttempts(state)) return lostWhileDraining(delivery, step!, now);
  return { type: 'attempt.lost', at: now, delivery: kind, step, attempt, startedAt };
}

/** No new attempt may start while a run drains, so a lost one is the step's last. */
function lostWhileDraining(delivery: Delivery, step: string, now: number): RunEvent {
  const { attempts: attempt, attemptStartedAt: startedAt } = delivery;
  return { type: 'step.failed', at: now, delivery: 'step', step, attempt, startedAt, error: attemptLost };
}

function notOpen(named: { delivery: DeliveryKind; step?: string | undefined; attempt: number }): Decision {
  const { delivery, step, attempt } = named;
  return reject('attempt_not_open', `attempt ${attempt} of ${delivery} ${step ?? ''} is not open`);
}
