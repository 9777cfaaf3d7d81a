import type { Effects } from './effects.ts';
import { leaveLane } from './lane.ts';
import { settle } from './settle.ts';
import { endStep, hasEnded, type RunState, type StepError, type StepState } from './state.ts';

/** A step has failed after its last attempt: what that means is its failure policy's to say. */
export function failStep(
  state: RunState,
  step: StepState,
  error: StepError,
  at: number,
  effects: Effects,
): void {
  step.error = error;
  endStep(state, step, 'failed', at);
  const policy = step.plan.failurePolicy;
  if (policy === 'continue') settle(state, step, 'forgiven', at, effects);
  else if (state.ending !== null || isAbsorbed(state, step)) settle(state, step, 'failed', at, effects);
  else if (policy === 'retry' && state.rounds < (state.plan.definition.retryRounds ?? 1)) {
    state.awaitingRound.push(step.plan.index);
  } else startDraining(state, step, at, effects);
  leaveLane(state, step);
}

/** Of a join's losers: every dependent is a join that is met, or can still be. */
function isAbsorbed(state: RunState, step: StepState): boolean {
  const { dependents } = step.plan;
  return dependents.length > 0 && dependents.every((index) => isJoinInReach(state.steps[index]!));
}

function isJoinInReach({ plan, state, tally }: StepState): boolean {
  if (plan.condition.mode !== 'join') return false;
  if (state !== 'pending') return state !== 'skipped';
  return tally.ended.succeeded + tally.open - 1 >= plan.condition.atLeast;
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
  settle(state, failed, 'failed', at, effects);
  forgoRounds(state, at, effects);
  const below = descendantsOf(state, failed);
  for (const step of state.steps) {
    if (hasEnded(step) || step.delivery?.open) continue;
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

function cutOff(
  state: RunState,
  step: StepState,
  { isBelow, at, effects }: { isBelow: boolean; at: number; effects: Effects },
): void {
  // In back-off, or waiting for the lane in a round of policy `retry`.
  if (step.delivery && step.startedAt !== null) {
    step.delivery.retryAt = null;
    step.error = step.delivery.error;
    endStep(state, step, 'failed', at);
    settle(state, step, step.plan.failurePolicy === 'continue' ? 'forgiven' : 'failed', at, effects);
  } else if (step.plan.isFailurePath) {
    postpone(state, step);
  } else {
    endStep(state, step, 'skipped', at);
    step.reason = isBelow ? 'upstream_failed' : 'run_failed';
    settle(state, step, 'blocked', at, effects);
  }
}

/** It was ready and had not been sent: it is judged again once the run has drained. */
export function postpone(state: RunState, step: StepState): void {
  if (step.state === 'waiting') state.active--;
  step.state = 'pending';
  step.wakeAt = null;
  step.delivery = null;
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
