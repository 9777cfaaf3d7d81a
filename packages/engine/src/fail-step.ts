import { retired, type StepError } from './delivery.ts';
import type { Effects } from './effects.ts';
import { recall } from './group.ts';
import { leaveLane } from './ready.ts';
import { settle } from './settle.ts';
import type { RunState } from './state.ts';
import { endStep, hasEnded, hasStarted, type StepState, withdraw } from './step-state.ts';

/** A step has failed after its last attempt: what that means is its failure policy's to say. */
export function failStep(
  state: RunState,
  step: StepState,
  error: StepError,
  at: number,
  effects: Effects,
): void {
  step.error = error;
  // An expression that cannot be evaluated says the same in every round.
  const wasTried = hasStarted(step);
  step.startedAt ??= step.beganAt;
  endStep(state, step, 'failed', at);
  const { failurePolicy: policy, instance } = step.plan;
  const rounds = state.rounds - state.roundsBefore;
  // What the failure of an instance means, the step it is of says once all have ended.
  if (instance !== null) settle(state, step, 'failed', at, effects);
  else if (policy === 'continue') settle(state, step, 'forgiven', at, effects);
  else if (state.ending !== null) settle(state, step, 'failed', at, effects);
  else if (isAbsorbed(state, step)) {
    state.absorbed.push(step.plan.index);
    settle(state, step, 'failed', at, effects);
  } else if (policy === 'retry' && wasTried && rounds < (state.plan.definition.retryRounds ?? 1)) {
    state.awaitingRound.push(step.plan.index);
  } else startDraining(state, step, at, effects);
  leaveLane(state, step);
}

/** Of a join's losers: every dependent is a join that is met, or can still be. */
function isAbsorbed(state: RunState, step: StepState): boolean {
  // Steps that were added below it since do not bear on it.
  const dependents = step.plan.dependents
    .map((index) => state.steps[index]!)
    .filter(({ bornAt }) => bornAt === null || bornAt <= step.completedAt!);
  // Its own end is not among what the joins have been told.
  const told = step.ending === null ? 0 : 1;
  return dependents.length > 0 && dependents.every((dependent) => isJoinInReach(dependent, told));
}

/** Met, whatever became of it then; or it waits, and can still be met. */
function isJoinInReach({ plan, state, tally }: StepState, told: 0 | 1): boolean {
  const { mode, atLeast } = plan.condition;
  if (mode !== 'join') return false;
  const { succeeded } = tally.ended;
  return succeeded >= atLeast || (state === 'pending' && succeeded + tally.open - 1 + told >= atLeast);
}

/** A join can no longer be met: a failure that it had absorbed fails the run after all. */
export function revisitAbsorbed(state: RunState, at: number, effects: Effects): void {
  state.hasBlockedJoin = false;
  if (state.ending !== null) return;
  const bearing = state.absorbed.find((index) => !isAbsorbed(state, state.steps[index]!));
  if (bearing !== undefined) startDraining(state, state.steps[bearing]!, at, effects);
}

/**
 * Failure policy `fail`: what has not started never will, what is in back-off ends with its last error,
 * what is in flight finishes and is recorded. Steps of the failure path wait until then.
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
  state.laneQueue.clear();
  state.laneHolder = null;
  if (failed.ending === null) settle(state, failed, 'failed', at, effects);
  forgoRounds(state, at, effects);
  const below = descendantsOf(state, failed);
  for (const step of state.steps) {
    if (hasEnded(step) || step.delivery?.open || isUnderWay(step)) continue;
    if (step.delivery) effects.revoked(step.delivery);
    cutOff(state, step, { isBelow: below.has(step.plan.index), at, effects });
  }
}

/** No further round comes: failures that waited for one are final. */
export function forgoRounds(state: RunState, at: number, effects: Effects): void {
  for (const index of state.awaitingRound.splice(0)) {
    settle(state, state.steps[index]!, 'failed', at, effects);
  }
}

/** A `forEach` of which an instance has been sent: it ends with its instances. */
function isUnderWay({ group, startedAt }: StepState): boolean {
  return group !== null && startedAt !== null;
}

interface Cut {
  readonly isBelow: boolean;
  readonly at: number;
  readonly effects: Effects;
}

function cutOff(state: RunState, step: StepState, { isBelow, at, effects }: Cut): void {
  const { instance, failurePolicy, isFailurePath } = step.plan;
  const of = instance && state.steps[instance.of]!;
  if (of && isUnderWay(of)) of.group!.isCutOff = true;
  // In back-off, or waiting for the lane in a round of policy `retry`.
  if (step.delivery && step.startedAt !== null) {
    step.delivery.retryAt = null;
    step.error = step.delivery.error;
    endStep(state, step, 'failed', at);
    settle(state, step, failurePolicy === 'continue' ? 'forgiven' : 'failed', at, effects);
  } else if (of && !hasEnded(of) && !isUnderWay(of)) {
    // Postponed with the step it is of.
  } else if (isFailurePath && !of) {
    postpone(state, step, effects);
  } else {
    endStep(state, step, 'skipped', at);
    step.reason = isBelow ? 'upstream_failed' : 'run_failed';
    settle(state, step, 'blocked', at, effects);
  }
}

/** It was ready and had not been sent: it is judged again once the run has drained. */
export function postpone(state: RunState, step: StepState, effects: Effects): void {
  if (step.state === 'waiting') state.active--;
  withdraw(state, step);
  recall(state, step, effects);
  step.state = 'pending';
  step.beganAt = null;
  step.delivery = retired(step.delivery);
}

export function descendantsOf(state: RunState, ...tops: readonly StepState[]): Set<number> {
  const seen = new Set<number>();
  const open = tops.flatMap(({ plan }) => plan.dependents);
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (seen.has(index)) continue;
    seen.add(index);
    open.push(...state.steps[index]!.plan.dependents);
  }
  return seen;
}
