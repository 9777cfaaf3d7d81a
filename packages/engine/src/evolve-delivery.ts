import { completeStep } from './complete-step.ts';
import type { Delivery, DeliveryKind, StepError } from './delivery.ts';
import type { Effects } from './effects.ts';
import { awaitHooks } from './end-run.ts';
import type {
  AttemptExtended,
  AttemptFailed,
  AttemptLost,
  AttemptPending,
  AttemptStarted,
  ChildStarted,
  DeliveryCompleted,
  DeliveryFailed,
  DeliveryGivenUp,
} from './events.ts';
import { failStep } from './fail-step.ts';
import { settleStarted } from './settle.ts';
import type { RunState } from './state.ts';
import { type StepState, stepOf } from './step-state.ts';

/** What a delivery ends with when a lost attempt turns out to be its last. */
export const attemptLost: StepError = {
  code: 'attempt_lost',
  message: 'the dispatcher that sent this attempt is gone; whether its handler acted is unknown',
  outcome: 'unknown',
};

/** How events and commands name a delivery. */
export interface DeliveryName {
  readonly delivery: DeliveryKind;
  readonly step?: string | undefined;
  /** Of a hook: its place among the hooks of the run; the last one without it. */
  readonly round?: number | undefined;
}

export function nameOf({ plan }: RunState, { kind, index, round }: Delivery): DeliveryName {
  return kind === 'hook' ? { delivery: kind, round } : { delivery: kind, step: plan.steps[index]!.id };
}

/** The delivery that an event or command names, or null when the run has none such. */
export function findDelivery(state: RunState, named: DeliveryName): Delivery | null {
  if (named.delivery === 'hook') return state.hooks[named.round ?? state.hooks.length - 1] ?? null;
  const index = state.plan.indexById.get(named.step ?? '');
  if (index === undefined) return null;
  const step = state.steps[index]!;
  return named.delivery === 'step' ? step.delivery : step.compensation;
}

function requireDelivery(state: RunState, event: DeliveryName & { type: string }): Delivery {
  const delivery = findDelivery(state, event);
  if (!delivery) throw new TypeError(`${event.type} names no delivery of this run: ${event.step}`);
  return delivery;
}

export function startAttempt(state: RunState, event: AttemptStarted, effects: Effects): void {
  const delivery = requireDelivery(state, event);
  openAttempt(state, delivery, event.attempt, event.at, effects);
}

/** Folding a start and its end equals folding the end alone: the end opens what was left out. */
function openAttempt(
  state: RunState,
  delivery: Delivery,
  attempt: number,
  at: number,
  effects: Effects,
): void {
  if (delivery.open && delivery.attempts === attempt) return;
  delivery.attempts = attempt;
  delivery.spent++;
  delivery.open = true;
  delivery.attemptStartedAt = at;
  delivery.firstStartedAt ??= at;
  delivery.retryAt = null;
  delivery.progress = null;
  if (delivery.kind !== 'step') return;
  state.openExchanges++;
  const step = state.steps[delivery.index]!;
  step.state = 'running';
  if (step.startedAt !== null) return;
  step.startedAt = at;
  const { instance } = step.plan;
  if (instance === null) return settleStarted(state, step, at, effects);
  const of = state.steps[instance.of]!;
  const isFirst = of.startedAt === null;
  // The start of an instance that ended later may be told later.
  of.startedAt = Math.min(of.startedAt ?? at, at);
  if (!isFirst) return;
  of.state = 'running';
  settleStarted(state, of, at, effects);
}

function closeAttempt(state: RunState, delivery: Delivery): void {
  delivery.open = false;
  delivery.isPending = false;
  delivery.pendingUntil = null;
  if (delivery.kind !== 'step') return;
  state.openExchanges--;
  if (delivery.child !== null) state.openChildren--;
}

export function failAttempt(state: RunState, event: AttemptFailed, effects: Effects): void {
  const delivery = requireDelivery(state, event);
  openAttempt(state, delivery, event.attempt, event.startedAt, effects);
  closeAttempt(state, delivery);
  delivery.error = event.error;
  delivery.callback = event.callback ?? null;
  delivery.retryAt = event.retryAt;
  effects.due(delivery);
}

export function loseAttempt(state: RunState, event: AttemptLost, effects: Effects): void {
  const delivery = requireDelivery(state, event);
  openAttempt(state, delivery, event.attempt, event.startedAt, effects);
  closeAttempt(state, delivery);
  delivery.spent--;
  delivery.error = attemptLost;
  effects.due(delivery);
}

/** The exchange is over and the attempt is not: it counts as in flight until its callback or its timeout. */
export function holdAttempt(state: RunState, event: AttemptPending, effects: Effects): void {
  const delivery = requireDelivery(state, event);
  openAttempt(state, delivery, event.attempt, event.startedAt, effects);
  delivery.isPending = true;
  waitUntil(delivery, event, effects);
}

/** Another run does the work: no clock of ours runs. */
export function startChild(state: RunState, event: ChildStarted, effects: Effects): void {
  const delivery = requireDelivery(state, event);
  openAttempt(state, delivery, event.attempt, event.at, effects);
  delivery.child = event.child;
  delivery.isPending = true;
  delivery.pendingUntil = Number.POSITIVE_INFINITY;
  state.openChildren++;
}

export function extendAttempt(state: RunState, event: AttemptExtended, effects: Effects): void {
  const delivery = requireDelivery(state, event);
  const { progress, note, at } = event;
  if (progress !== undefined || note !== undefined) {
    const before = delivery.progress ?? { percent: null, note: null };
    delivery.progress = { percent: progress ?? before.percent, note: note ?? before.note, at };
  }
  waitUntil(delivery, event, effects);
}

function waitUntil(delivery: Delivery, event: AttemptPending | AttemptExtended, effects: Effects): void {
  delivery.pendingUntil = event.until;
  effects.wake({ kind: 'attempt', step: event.step!, attempt: event.attempt }, event.until);
}

export function completeDelivery(state: RunState, event: DeliveryCompleted, effects: Effects): void {
  const delivery = requireDelivery(state, event);
  openAttempt(state, delivery, event.attempt, event.startedAt, effects);
  closeAttempt(state, delivery);
  delivery.state = 'completed';
  delivery.callback = event.callback ?? null;
  delivery.error = null;
  if (delivery.kind === 'hook') awaitHooks(state);
  else if (delivery.kind === 'compensation') nextCompensation(state, effects);
  else completeFrom(state, state.steps[delivery.index]!, event, effects);
}

function completeFrom(state: RunState, step: StepState, event: DeliveryCompleted, effects: Effects): void {
  const { at, result = 'null', next } = event;
  completeStep(state, step, { at, result, next }, effects);
}

export function failDelivery(state: RunState, event: DeliveryFailed, effects: Effects): void {
  const delivery = requireDelivery(state, event);
  openAttempt(state, delivery, event.attempt, event.startedAt, effects);
  closeAttempt(state, delivery);
  delivery.state = 'failed';
  delivery.error = event.error;
  delivery.callback = event.callback ?? null;
  if (delivery.kind === 'hook') {
    // By a quarantine it fails without having been sent.
    effects.revoked(delivery);
    awaitHooks(state);
  } else if (delivery.kind === 'compensation') nextCompensation(state, effects);
  else failStep(state, state.steps[delivery.index]!, event.error, event.at, effects);
}

export function giveUpDelivery(state: RunState, event: DeliveryGivenUp, effects: Effects): void {
  const step = stepOf(state, event.step);
  const isStep = event.type === 'step.given_up';
  const delivery = isStep ? step.delivery! : step.compensation!;
  Object.assign(delivery, { state: 'failed', retryAt: null, error: event.error });
  if (isStep) failStep(state, step, event.error, event.at, effects);
  else nextCompensation(state, effects);
}

function nextCompensation(state: RunState, effects: Effects): void {
  state.compensationsLeft.pop();
  const next = state.compensationsLeft.at(-1);
  if (next !== undefined) effects.due(state.steps[next]!.compensation!);
}
