import type { Callback } from './commands.ts';
import { type Decision, reject } from './decision.ts';
import { endOf } from './end-of-attempt.ts';
import { findDelivery } from './evolve-delivery.ts';
import type { Delivery, RunState } from './state.ts';

/** The time of a delayed step has come. */
export function decideWake(state: RunState, stepId: string, now: number): Decision {
  const index = state.plan.indexById.get(stepId);
  const wakeAt = index === undefined ? null : state.steps[index]!.wakeAt;
  if (wakeAt === null) return reject('step_not_open', `step "${stepId}" waits for no time`);
  if (now < wakeAt) return reject('not_yet', `step "${stepId}" waits until ${wakeAt}`);
  return { events: [{ type: 'step.woken', at: now, step: stepId }] };
}

/** No callback came within the step's timeout. */
export function decideExpiry(
  state: RunState,
  { step, attempt }: { readonly step: string; readonly attempt: number },
  now: number,
): Decision {
  const delivery = findDelivery(state, { delivery: 'step', step });
  const until = delivery?.attempts === attempt ? delivery.pendingUntil : null;
  if (!delivery || until === null) return reject('attempt_not_open', `no callback is awaited for "${step}"`);
  if (now < until) return reject('not_yet', `the callback of "${step}" may come until ${until}`);
  const message = 'no callback came within the timeout of the step';
  const outcome = { kind: 'failure', retryable: true, error: { code: 'timeout', message } } as const;
  return { events: [endOf(state, delivery, { delivery: 'step', step, attempt, outcome }, now)] };
}

export function decideCallback(state: RunState, command: Callback, now: number): Decision {
  const { commandId, step, round, attempt, outcome } = command;
  const delivery = findDelivery(state, { delivery: 'step', step });
  const applied = { type: 'command.applied', at: now, commandId } as const;
  if (delivery?.round === round && isRepeat(delivery, attempt, outcome.kind)) return { events: [applied] };
  if (delivery?.round !== round || !mayEnd(state, delivery, command)) {
    return reject('step_not_open', `step "${step}" does not wait for this callback any more`);
  }
  if (outcome.kind === 'heartbeat') {
    const { progress, note } = outcome;
    const until = now + state.plan.steps[delivery.index]!.timeoutMs;
    const extended = { type: 'attempt.extended', at: now, delivery: 'step', step, attempt, until } as const;
    return { events: [applied, { ...extended, progress, note }] };
  }
  // Its owner may have died before the start of this attempt was recorded: then it is the newest.
  const newest = Math.max(attempt, delivery.attempts);
  const ended = { delivery: 'step', step, attempt: newest, outcome } as const;
  return { events: [applied, { ...endOf(state, delivery, ended, now), callback: attempt }] };
}

/** The same callback again: it changes nothing and is answered like the first. */
function isRepeat(delivery: Delivery, attempt: number, kind: string): boolean {
  if (delivery.callback !== attempt) return false;
  return delivery.state === 'completed' ? kind === 'success' : kind === 'failure';
}

function mayEnd(state: RunState, delivery: Delivery, { attempt, outcome }: Callback): boolean {
  const { state: stepState } = state.steps[delivery.index]!;
  const isOpen = delivery.state === 'open' && (stepState === 'running' || stepState === 'waiting');
  if (!isOpen || outcome.kind === 'success') return isOpen;
  if (outcome.kind === 'heartbeat') return attempt === delivery.attempts && delivery.open;
  return attempt > delivery.attempts || (attempt === delivery.attempts && delivery.open);
}
