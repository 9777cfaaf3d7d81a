import type { EndAttempt, Outcome } from './commands.ts';
import { additionOf, freshSteps } from './decide-added-steps.ts';
import type { RetryPolicy, StepDefinition } from './definition.ts';
import type { Delivery } from './delivery.ts';
import type { AttemptFailed, AttemptPending, DeliveryCompleted, DeliveryFailed, RunEvent } from './events.ts';
import { hookRetryPolicy } from './hook.ts';
import { attemptTimeoutMs, backoffDelayMs, givesUpAt, retryAfterMaxMs } from './retry.ts';
import type { RunState } from './state.ts';

const completed = {
  step: 'step.completed',
  compensation: 'compensation.completed',
  hook: 'hook.delivered',
} as const;
const failed = { step: 'step.failed', compensation: 'compensation.failed', hook: 'hook.failed' } as const;

type End = Omit<EndAttempt, 'type'> & { readonly callback?: number };

/** What the outcome of an open attempt comes to: the steps that it adds, then what it is for its delivery. */
export function endsOf(state: RunState, delivery: Delivery, end: End, now: number): RunEvent[] {
  const { outcome, callback } = end;
  const asked = (delivery.kind === 'step' && outcome.addSteps) || [];
  const fresh = asked.length > 0 ? freshSteps(state, asked) : [];
  const event =
    'code' in fresh
      ? endOf(state, delivery, { ...end, outcome: refused(outcome, fresh) }, now)
      : endOf(state, delivery, end, now, fresh);
  const added = 'code' in fresh ? [] : additionOf(fresh, now, end.step);
  return [...added, callback === undefined ? event : { ...event, callback }];
}

/** The answer adds what cannot be added: that is its handler's mistake, and no attempt would mend it. */
function refused(outcome: Outcome, { code, message }: { code: string; message: string }): Outcome {
  const text = `the answer's addSteps were refused: ${message}`;
  if (outcome.kind !== 'failure') {
    return { kind: 'failure', retryable: false, error: { code, message: text }, status: outcome.status };
  }
  const { error } = outcome;
  return { ...outcome, error: { ...error, message: `${error.message} (${text})` } };
}

function endOf(
  state: RunState,
  delivery: Delivery,
  { delivery: kind, step, round, attempt, outcome }: End,
  now: number,
  fresh: readonly StepDefinition[] = [],
): AttemptFailed | AttemptPending | DeliveryCompleted | DeliveryFailed {
  const ended = {
    at: now,
    delivery: kind,
    step,
    round,
    attempt,
    startedAt: delivery.attemptStartedAt,
    status: outcome.status,
  };
  if (outcome.kind === 'success') {
    if (kind !== 'step') return { type: completed[kind], ...ended };
    const { result, next } = outcome;
    const stranger = next?.find((id) => !isDirectDependent(state, delivery, id, fresh));
    if (stranger === undefined) return { type: completed[kind], ...ended, result, next };
    const isInstance = state.plan.steps[delivery.index]!.instance !== null;
    const why = isInstance
      ? 'an instance of a forEach chooses no branch: let a step after it choose'
      : 'it does not depend on this step directly';
    const message = `the answer's next names "${stranger}": ${why}`;
    return { type: failed[kind], ...ended, error: { code: 'invalid_next', message } };
  }
  if (outcome.kind === 'pending') {
    const until = delivery.attemptStartedAt + attemptTimeoutMs(state.plan.steps[delivery.index]!, delivery);
    return { type: 'attempt.pending', ...ended, until };
  }
  const { error, excerpt } = outcome;
  const retryAt = nextAttemptAt(state, delivery, outcome, now);
  if (retryAt === null) return { type: failed[kind], ...ended, error, excerpt };
  return { type: 'attempt.failed', ...ended, error, excerpt, retryAt };
}

function isDirectDependent(
  state: RunState,
  { index }: Delivery,
  id: string,
  fresh: readonly StepDefinition[],
): boolean {
  const step = state.plan.steps[index]!;
  const dependent = state.plan.indexById.get(id);
  if (dependent !== undefined) return step.dependents.includes(dependent);
  return fresh.some((added) => added.id === id && added.dependsOn.includes(step.id));
}

/** When the delivery is attempted again, or null when this failure is its last. */
function nextAttemptAt(
  state: RunState,
  delivery: Delivery,
  outcome: Outcome & { kind: 'failure' },
  now: number,
): number | null {
  if (!outcome.retryable || (delivery.kind === 'step' && !mayStartAttempts(state))) return null;
  // Its instances drain: too many of them have failed.
  if (delivery.kind === 'step' && isGivenUp(state, delivery)) return null;
  const policy = retryPolicyOf(state, delivery);
  if (delivery.spent >= policy.maxAttempts) return null;
  const seed = `${state.runId}:${delivery.kind}:${delivery.index}`;
  const asked = Math.min(outcome.retryAfterMs ?? 0, retryAfterMaxMs);
  const retryAt = now + Math.max(backoffDelayMs(policy, delivery.spent, seed), asked);
  return retryAt > givesUpAt(policy, delivery) ? null : retryAt;
}

/** Too many instances of its `forEach` have failed: those in flight are not tried again. */
export function isGivenUp(state: RunState, { index }: Delivery): boolean {
  const { instance } = state.plan.steps[index]!;
  return instance !== null && state.steps[instance.of]!.group!.isGivenUp;
}

export function retryPolicyOf(state: RunState, delivery: Delivery): RetryPolicy {
  return delivery.kind === 'hook' ? hookRetryPolicy : state.plan.steps[delivery.index]!.retries;
}

/** Not while it drains; once it has drained, what is left is the failure path. */
export function mayStartAttempts(state: RunState): boolean {
  return state.phase === 'running' || (state.phase === 'draining' && state.isDrained);
}
