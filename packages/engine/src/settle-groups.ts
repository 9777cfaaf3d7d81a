import { completeStep } from './complete-step.ts';
import type { StepError } from './delivery.ts';
import type { Effects } from './effects.ts';
import type { StepGathered } from './events.ts';
import { failStep } from './fail-step.ts';
import { admitMembers } from './group.ts';
import { skip } from './settle.ts';
import type { RunState } from './state.ts';
import { endStep, hasEnded, membersOf, type StepState } from './step-state.ts';

/**
 * Instances have ended: others take their places, or the `forEach` is past its tolerance, or it is over. Once an
 * event has had all its consequences: a run that begins to drain ends many at once.
 */
export function settleGroups(state: RunState, at: number, effects: Effects): void {
  for (const index of state.touchedGroups) {
    state.touchedGroups.delete(index);
    const step = state.steps[index]!;
    if (hasEnded(step)) endRest(state, step, at, effects);
    // Still to start, in a run that copies the ends of its instances.
    if (hasEnded(step) || step.state === 'pending') continue;
    const { left, failures, tolerated, isGivenUp } = step.group!;
    if (left > 0 && failures > tolerated && !isGivenUp) giveUp(state, step, at, effects);
    if (step.group!.left === 0) state.toJudge.set(index, 'end');
    else if (step.group!.isLetGo) admitMembers(state, step, effects);
  }
}

/** It ended as a whole, before it was sent: so do its instances. */
function endRest(
  state: RunState,
  { state: outcome, reason, plan, group }: StepState,
  at: number,
  effects: Effects,
): void {
  for (const member of membersOf(state, { group })) {
    if (hasEnded(member)) continue;
    if (member.delivery) effects.revoked(member.delivery);
    member.reason = reason;
    endStep(state, member, outcome === 'cancelled' ? 'cancelled' : 'skipped', at);
  }
  state.touchedGroups.delete(plan.index);
}

/** No new instance is sent; what is in flight finishes and is recorded. */
function giveUp(state: RunState, step: StepState, at: number, effects: Effects): void {
  step.group!.isGivenUp = true;
  for (const member of membersOf(state, step)) {
    if (hasEnded(member) || member.delivery?.open) continue;
    if (member.delivery) effects.revoked(member.delivery);
    if (member.startedAt === null) {
      skip(state, member, 'too_many_failures', at);
      continue;
    }
    member.delivery!.retryAt = null;
    member.error = member.delivery!.error;
    endStep(state, member, 'failed', at);
  }
}

/** All have ended: so has the step they are of. */
export function gather(
  state: RunState,
  step: StepState,
  { at, error }: StepGathered,
  effects: Effects,
): void {
  if (error) failStep(state, step, error, at, effects);
  else completeStep(state, step, { at, result: null }, effects);
}

/** Why a `forEach` whose instances have ended has failed; null when it has not. */
export function errorOfGroup(state: RunState, step: StepState): StepError | null {
  const { failures, tolerated, isCutOff } = step.group!;
  if (failures > tolerated) return tooManyFailures(state, step);
  return isCutOff ? cutOff : null;
}

const cutOff: StepError = {
  code: 'run_failed',
  message: 'the run failed before every instance had ended',
};

const indicesShown = 100;

function tooManyFailures(state: RunState, step: StepState): StepError {
  const failed = membersOf(state, step).filter(({ state }) => state === 'failed');
  const indices = failed.map(({ plan }) => plan.instance!.index);
  const shown = indices.slice(0, indicesShown).join(', ') + (indices.length > indicesShown ? ', …' : '');
  return {
    code: 'too_many_failures',
    message: `${indices.length} of ${step.group!.count} instances failed, ${step.group!.tolerated} may: ${shown}`,
    details: { indices },
  };
}
