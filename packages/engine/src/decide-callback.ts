import type { Callback, ChildEnded, StartChild } from './commands.ts';
import { type Decision, reject } from './decision.ts';
import { isSendable } from './deliveries.ts';
import type { Delivery } from './delivery.ts';
import { endsOf } from './end-of-attempt.ts';
import { findDelivery } from './evolve-delivery.ts';
import { givesUpAt } from './retry.ts';
import { isTerminal, type RunState } from './state.ts';

/** The time of a delayed step has come, or that of one that sleeps or waits for a signal. */
export function decideWake(state: RunState, stepId: string, now: number): Decision {
  const index = state.plan.indexById.get(stepId);
  const step = index === undefined ? null : state.steps[index]!;
  if (!step || step.wakeAt === null) return reject('step_not_open', `step "${stepId}" waits for no time`);
  if (now < step.wakeAt) return reject('not_yet', `step "${stepId}" waits until ${step.wakeAt}`);
  const { waitFor } = step.plan.definition;
  const { beganAt: startedAt } = step;
  if (startedAt === null) return { events: [{ type: 'step.woken', at: now, step: stepId }] };
  if (waitFor === undefined || waitFor.default !== undefined) {
    const result = JSON.stringify(waitFor?.default ?? null);
    return { events: [{ type: 'wait.over', at: now, step: stepId, startedAt, result }] };
  }
  const message = `no signal "${waitFor.signal}" came within ${waitFor.timeout} s`;
  const error = { code: 'signal_timeout', message };
  return { events: [{ type: 'step.faulted', at: now, step: stepId, error }] };
}

/** No callback, or no answer behind a heartbeat, came within the step's timeout or what `giveUpAfter` had left of it. */
export function decideExpiry(
  state: RunState,
  { step, attempt }: { readonly step: string; readonly attempt: number },
  now: number,
): Decision {
  const delivery = findDelivery(state, { delivery: 'step', step });
  const until = delivery?.attempts === attempt ? delivery.pendingUntil : null;
  if (!delivery || until === null) return reject('attempt_not_open', `nothing is awaited of "${step}"`);
  if (now < until) return reject('not_yet', `"${step}" may take until ${until}`);
  const { retries } = state.plan.steps[delivery.index]!;
  const isGivenUp = until >= givesUpAt(retries, delivery);
  const end = isGivenUp
    ? `giveUpAfter, ${retries.giveUpAfter} s from the first attempt`
    : 'the timeout of the step';
  const message = `no ${delivery.isPending ? 'callback' : 'complete answer'} came within ${end}`;
  const error = { code: 'timeout', message, outcome: 'unknown' } as const;
  const outcome = { kind: 'failure', retryable: true, error } as const;
  return { events: endsOf(state, delivery, { delivery: 'step', step, attempt, outcome }, now) };
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
    const { timeoutMs, retries } = state.plan.steps[delivery.index]!;
    const until = Math.min(now + timeoutMs, givesUpAt(retries, delivery));
    const extended = { type: 'attempt.extended', at: now, delivery: 'step', step, attempt, until } as const;
    return { events: [applied, { ...extended, progress, note }] };
  }
  // Its owner may have died before the start of this attempt was recorded: then it is the newest.
  const newest = Math.max(attempt, delivery.attempts);
  const ended = { delivery: 'step', step, attempt: newest, outcome, callback: attempt } as const;
  return { events: [applied, ...endsOf(state, delivery, ended, now)] };
}

/** The same callback again: it changes nothing and is answered like the first. */
function isRepeat(delivery: Delivery, attempt: number, kind: string): boolean {
  if (delivery.callback !== attempt) return false;
  return delivery.state === 'completed' ? kind === 'success' : kind === 'failure';
}

function mayEnd(state: RunState, delivery: Delivery, { attempt, outcome }: Callback): boolean {
  const { state: stepState } = state.steps[delivery.index]!;
  const isOpen = delivery.state === 'open' && (stepState === 'running' || stepState === 'waiting');
  if (!isOpen || delivery.child !== null) return false;
  if (outcome.kind === 'success') return true;
  if (outcome.kind === 'heartbeat') return attempt === delivery.attempts && delivery.open;
  return attempt > delivery.attempts || (attempt === delivery.attempts && delivery.open);
}

/** A sub-workflow step has its turn: the commit that says so also creates the child. */
export function decideStartChild(state: RunState, { step, child }: StartChild, now: number): Decision {
  const delivery = findDelivery(state, { delivery: 'step', step });
  if (!delivery || delivery.open || delivery.state !== 'open' || !isSendable(state, delivery)) {
    return reject('delivery_not_due', `nothing to start for ${step}`);
  }
  const attempt = delivery.attempts + 1;
  const of = { at: now, delivery: 'step', step, attempt } as const;
  if ('error' in child)
    return { events: [{ type: 'step.failed', ...of, startedAt: now, error: child.error }] };
  const depthMax = state.limits.subWorkflowDepthMax;
  if ((state.parent?.depth ?? 0) + 1 < depthMax) {
    return { events: [{ type: 'child.started', ...of, child: child.id }] };
  }
  const error = {
    code: 'too_deep',
    message: `sub-workflows are nested deeper than subWorkflowDepthMax ${depthMax}`,
    details: { limit: { name: 'subWorkflowDepthMax', value: depthMax } },
  };
  return { events: [{ type: 'step.failed', ...of, startedAt: now, error }] };
}

export function decideChildEnded(state: RunState, command: ChildEnded, now: number): Decision {
  const { commandId, step, round, outcome } = command;
  const delivery = isTerminal(state.state) ? null : findDelivery(state, { delivery: 'step', step });
  if (!delivery?.open || delivery.round !== round || delivery.child === null) {
    return reject('step_not_open', `step "${step}" does not wait for this run any more`);
  }
  const ended = { delivery: 'step', step, attempt: delivery.attempts, outcome } as const;
  const applied = { type: 'command.applied', at: now, commandId } as const;
  return { events: [applied, ...endsOf(state, delivery, ended, now)] };
}
