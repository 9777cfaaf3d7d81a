import type { Effects } from './effects.ts';
import type {
  AttemptFailed,
  AttemptLost,
  AttemptStarted,
  DeliveryCompleted,
  DeliveryFailed,
} from './events.ts';
import { enterReady, leaveLane } from './lane.ts';
import {
  type Delivery,
  type DeliveryKind,
  hasEnded,
  type RunState,
  type StepError,
  type StepState,
} from './state.ts';

/** What a delivery ends with when a lost attempt turns out to be its last. */
export const attemptLost: StepError = {
  code: 'attempt_lost',
  message: 'the dispatcher that sent this attempt is gone; whether its handler acted is unknown',
  outcome: 'unknown',
};

interface Named {
  readonly delivery: DeliveryKind;
  readonly step?: string | undefined;
}

/** The delivery that an event or command names, or null when the run has none such. */
export function findDelivery(state: RunState, named: Named): Delivery | null {
  if (named.delivery === 'hook') return state.hook;
  const index = state.plan.indexById.get(named.step ?? '');
  if (index === undefined) return null;
  const step = state.steps[index]!;
  return named.delivery === 'step' ? step.delivery : step.compensation;
}

function requireDelivery(state: RunState, event: Named & { type: string }): Delivery {
  const delivery = findDelivery(state, event);
  if (!delivery) throw new TypeError(`${event.type} names no delivery of this run: ${event.step}`);
  return delivery;
}

export function startAttempt(state: RunState, event: AttemptStarted): void {
  const delivery = requireDelivery(state, event);
  openAttempt(state, delivery, event.attempt, event.at);
}

/** Folding a start and its end equals folding the end alone: the end opens what was left out. */
function openAttempt(state: RunState, delivery: Delivery, attempt: number, at: number): void {
  if (delivery.open && delivery.attempts === attempt) return;
  delivery.attempts = attempt;
  delivery.spent++;
  delivery.open = true;
  delivery.attemptStartedAt = at;
  delivery.firstStartedAt ??= at;
  delivery.retryAt = null;
  if (delivery.kind !== 'step') return;
  state.openExchanges++;
  const step = state.steps[delivery.index]!;
  step.state = 'running';
}

function closeAttempt(state: RunState, delivery: Delivery): void {
  delivery.open = false;
  if (delivery.kind === 'step') state.openExchanges--;
}

export function failAttempt(state: RunState, event: AttemptFailed, effects: Effects): void {
  const delivery = requireDelivery(state, event);
  openAttempt(state, delivery, event.attempt, event.startedAt);
  closeAttempt(state, delivery);
  delivery.error = event.error;
  delivery.retryAt = event.retryAt;
  effects.due(delivery);
}

export function loseAttempt(state: RunState, event: AttemptLost, effects: Effects): void {
  const delivery = requireDelivery(state, event);
  openAttempt(state, delivery, event.attempt, event.startedAt);
  closeAttempt(state, delivery);
  delivery.spent--;
  delivery.error = attemptLost;
  effects.due(delivery);
}

export function completeDelivery(state: RunState, event: DeliveryCompleted, effects: Effects): void {
  const delivery = requireDelivery(state, event);
  openAttempt(state, delivery, event.attempt, event.startedAt);
  closeAttempt(state, delivery);
  delivery.state = 'completed';
  delivery.error = null;
  if (delivery.kind === 'hook') state.phase = 'done';
  else if (delivery.kind === 'compensation') nextCompensation(state, effects);
  else completeStep(state, state.steps[delivery.index]!, event, effects);
}

function completeStep(state: RunState, step: StepState, event: DeliveryCompleted, effects: Effects): void {
  step.result = event.result ?? 'null';
  step.state = 'completed';
  step.completedAt = event.at;
  state.unfinished--;
  state.completionOrder.push(step.plan.index);
  if (state.ending !== null) return;
  // Dependents queue before the lane is given on, so that it goes on in definition order.
  for (const index of step.plan.dependents) {
    const dependent = state.steps[index]!;
    dependent.openDependencies--;
    if (dependent.openDependencies === 0) enterReady(state, dependent, effects);
  }
  leaveLane(state, step, effects);
}

export function failDelivery(state: RunState, event: DeliveryFailed, effects: Effects): void {
  const delivery = requireDelivery(state, event);
  openAttempt(state, delivery, event.attempt, event.startedAt);
  closeAttempt(state, delivery);
  delivery.state = 'failed';
  delivery.error = event.error;
  if (delivery.kind === 'hook') state.phase = 'done';
  else if (delivery.kind === 'compensation') nextCompensation(state, effects);
  else failStep(state, state.steps[delivery.index]!, event, effects);
}

function nextCompensation(state: RunState, effects: Effects): void {
  state.compensationsLeft.pop();
  const next = state.compensationsLeft.at(-1);
  if (next !== undefined) effects.due(state.steps[next]!.compensation!);
}

function failStep(state: RunState, step: StepState, event: DeliveryFailed, effects: Effects): void {
  step.state = 'failed';
  step.error = event.error;
  step.completedAt = event.at;
  state.unfinished--;
  if (state.ending === null) startDraining(state, step, event.at, effects);
}

/**
 * Failure policy `fail`: what has not started never will, what is in back-off ends with its last error,
 * what is in flight finishes and is recorded.
 */
function startDraining(state: RunState, failed: StepState, at: number, effects: Effects): void {
  const error = failed.error!;
  state.ending = 'failed';
  state.phase = 'draining';
  state.error = {
    code: 'step_failed',
    message: `step "${failed.plan.id}" failed: ${error.message}`,
    stepId: failed.plan.id,
    details: error,
  };
  const below = descendantsOf(state, failed);
  for (const step of state.steps) {
    if (hasEnded(step) || step.delivery?.open) continue;
    if (step.delivery) effects.revoked(step.delivery);
    endUnstarted(step, below.has(step.plan.index), at);
    state.unfinished--;
  }
  state.laneQueue.clear();
  state.laneHolder = null;
}

function endUnstarted(step: StepState, isBelow: boolean, at: number): void {
  step.completedAt = at;
  if (step.delivery && step.delivery.attempts > 0) {
    step.delivery.retryAt = null;
    step.state = 'failed';
    step.error = step.delivery.error;
    return;
  }
  step.state = 'skipped';
  step.reason = isBelow ? 'upstream_failed' : 'run_failed';
}

function descendantsOf(state: RunState, top: StepState): Set<number> {
  const seen = new Set<number>();
  const open = [...top.plan.dependents];
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (seen.has(index)) continue;
    seen.add(index);
    open.push(...state.steps[index]!.plan.dependents);
  }
  return seen;
}
