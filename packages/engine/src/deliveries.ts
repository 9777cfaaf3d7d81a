import type { Delivery } from './delivery.ts';
import type { WakeTarget } from './effects.ts';
import { mayStartAttempts } from './end-of-attempt.ts';
import type { RunState } from './state.ts';

/** Whether the run's phase lets this kind of delivery out. */
export function isSendable(state: RunState, delivery: Delivery): boolean {
  return !state.isPaused && isOwed(state, delivery);
}

/** But for a pause. */
export function isOwed(state: RunState, delivery: Delivery): boolean {
  // Also one of an earlier round, beside the present one.
  if (delivery.kind === 'hook') return true;
  if (delivery.kind === 'compensation') {
    return state.phase === 'compensating' && state.compensationsLeft.at(-1) === delivery.index;
  }
  const step = state.steps[delivery.index]!;
  return mayStartAttempts(state) && (step.state === 'waiting' || step.state === 'running');
}

/** Open deliveries that wait for an answer over their own connection, not for a callback. */
export function exchangesOf(state: RunState): Delivery[] {
  return openDeliveries(state).filter((delivery) => !delivery.isPending);
}

export interface Wake {
  readonly target: WakeTarget;
  /** Engine time in ms. */
  readonly at: number;
}

/** What `Effects.wake` had announced and is still to come, for a dispatcher that loads the run. */
export function wakes(state: RunState): Wake[] {
  return state.steps.flatMap(({ plan: { id: step }, wakeAt, delivery }): Wake[] => {
    if (wakeAt !== null) return [{ target: { kind: 'step', step }, at: wakeAt }];
    const until = delivery?.pendingUntil ?? null;
    if (until === null || until === Number.POSITIVE_INFINITY) return [];
    return [{ target: { kind: 'attempt', step, attempt: delivery!.attempts }, at: until }];
  });
}

/** Deliveries with an exchange in flight, or waiting for a callback. */
export function openDeliveries(state: RunState): Delivery[] {
  return [...deliveriesOf(state)].filter((delivery) => delivery.open);
}

/** Deliveries to attempt now or at their `retryAt`: what a dispatcher sends after loading a run. */
export function dueDeliveries(state: RunState): Delivery[] {
  return [...deliveriesOf(state)].filter(
    (delivery) => !delivery.open && delivery.state === 'open' && isSendable(state, delivery),
  );
}

function* deliveriesOf(state: RunState): Generator<Delivery> {
  for (const step of state.steps) {
    if (step.delivery) yield step.delivery;
    if (step.compensation) yield step.compensation;
  }
  yield* state.hooks;
}
