import type { EndAttempt, Outcome } from './commands.ts';
import type { RetryPolicy } from './definition.ts';
import type { AttemptFailed, AttemptPending, DeliveryCompleted, DeliveryFailed } from './events.ts';
import { hookRetryPolicy } from './hook.ts';
import { backoffDelayMs, retryAfterMaxMs } from './retry.ts';
import type { Delivery, RunState } from './state.ts';

const completed = {
  step: 'step.completed',
  compensation: 'compensation.completed',
  hook: 'hook.delivered',
} as const;
const failed = { step: 'step.failed', compensation: 'compensation.failed', hook: 'hook.failed' } as const;

/** What the outcome of an open attempt is for its delivery. */
export function endOf(
  state: RunState,
  delivery: Delivery,
  { delivery: kind, step, attempt, outcome }: Omit<EndAttempt, 'type'>,
  now: number,
): AttemptFailed | AttemptPending | DeliveryCompleted | DeliveryFailed {
  const ended = {
    at: now,
    delivery: kind,
    step,
    attempt,
    startedAt: delivery.attemptStartedAt,
    status: outcome.status,
  };
  if (outcome.kind === 'success') {
    if (kind !== 'step') return { type: completed[kind], ...ended };
    const { result, next } = outcome;
    const stranger = next?.find((id) => !isDirectDependent(state, delivery, id));
    if (stranger === undefined) return { type: completed[kind], ...ended, result, next };
    const message = `the answer's next names "${stranger}", which does not depend on this step directly`;
    return { type: failed[kind], ...ended, error: { code: 'invalid_next', message } };
  }
  if (outcome.kind === 'pending') {
    const until = delivery.attemptStartedAt + state.plan.steps[delivery.index]!.timeoutMs;
    return { type: 'attempt.pending', ...ended, until };
  }
  const { error, excerpt } = outcome;
  const retryAt = nextAttemptAt(state, delivery, outcome, now);
  if (retryAt === null) return { type: failed[kind], ...ended, error, excerpt };
  return { type: 'attempt.failed', ...ended, error, excerpt, retryAt };
}

function isDirectDependent(state: RunState, { index }: Delivery, id: string): boolean {
  const dependent = state.plan.indexById.get(id);
  return dependent !== undefined && state.steps[index]!.plan.dependents.includes(dependent);
}

/** When the delivery is attempted again, or null when this failure is its last. */
function nextAttemptAt(
  state: RunState,
  delivery: Delivery,
  outcome: Outcome & { kind: 'failure' },
  now: number,
): number | null {
  if (!outcome.retryable || (delivery.kind === 'step' && !mayStartAttempts(state))) return null;
  const policy = retryPolicyOf(state, delivery);
  if (delivery.spent >= policy.maxAttempts) return null;
  const seed = `${state.runId}:${delivery.kind}:${delivery.index}`;
  const asked = Math.min(outcome.retryAfterMs ?? 0, retryAfterMaxMs);
  const retryAt = now + Math.max(backoffDelayMs(policy, delivery.spent, seed), asked);
  const limit = policy.giveUpAfter;
  const isPastLimit = limit !== undefined && retryAt > (delivery.firstStartedAt ?? now) + limit * 1000;
  return isPastLimit ? null : retryAt;
}

export function retryPolicyOf(state: RunState, delivery: Delivery): RetryPolicy {
  return delivery.kind === 'hook' ? hookRetryPolicy : state.plan.steps[delivery.index]!.retries;
}

/** Not while it drains; once it has drained, what is left is the failure path. */
export function mayStartAttempts(state: RunState): boolean {
  return state.phase === 'running' || (state.phase === 'draining' && state.isDrained);
}
