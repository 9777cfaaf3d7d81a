import { createTally } from './condition.ts';
import { type Decision, reject } from './decision.ts';
import type { Effects } from './effects.ts';
import type { RunReopened } from './events.ts';
import { descendantsOf } from './fail-step.ts';
import { resetMembers } from './group.ts';
import { tallyUp } from './own-plan.ts';
import { roundEndOf } from './round-end.ts';
import { settlePending } from './settle.ts';
import type { RunState, StepReason } from './state.ts';
import { closeDelivery, type StepState } from './step-state.ts';

export function decideRetry(
  state: RunState,
  { commandId }: { readonly commandId: string },
  now: number,
): Decision {
  if (state.state !== 'failed') {
    return reject('run_not_failed', `the run is ${state.state}: only a failed one can be retried`);
  }
  if (state.steps.some(({ compensation }) => (compensation?.attempts ?? 0) > 0)) {
    return reject('already_compensated', 'steps of this run are compensated already: rerun it instead');
  }
  const applied = { type: 'command.applied', at: now, commandId } as const;
  return { events: [applied, { type: 'run.reopened', at: now, keeps: true }] };
}

/** The failed steps wait for their turn again, and so does whatever hangs from them and has not completed. */
export function reopen(state: RunState, { at, keeps }: RunReopened, effects: Effects): void {
  keepHook(state);
  if (!keeps) dropOwed(state);
  Object.assign(state, { state: 'running', phase: 'running', ending: null, isDrained: false, error: null });
  Object.assign(state, { completedAt: null, startedAt: state.startedAt ?? at, clockFrom: at });
  Object.assign(state, { compensationsLeft: [], compensate: state.plan.definition.saga, absorbed: [] });
  state.rounds++;
  state.roundsBefore = state.rounds;
  const again = stepsToRepeat(state);
  for (const step of again) reset(state, step);
  for (const step of again) {
    step.tally = createTally(step.plan.dependencies.length);
    tallyUp(state, step);
  }
  for (const step of state.steps) step.compensation = null;
  settlePending(state, state.steps, at, effects);
}

/** Exactly one hook a round: that of the round before is still owed, and says how that one ended. */
function keepHook(state: RunState): void {
  const hook = state.hooks.at(-1);
  if (hook && hook.state !== 'completed') hook.ended ??= roundEndOf(state);
}

function dropOwed(state: RunState): void {
  state.isPaused = false;
  const hook = state.hooks.at(-1);
  if (hook?.state !== 'open') return;
  const error = { code: 'superseded', message: 'the run was retried before this hook was accepted' };
  Object.assign(hook, { state: 'failed', open: false, retryAt: null, error });
}

/** Reasons that lie in the failure itself. Others stand, unless they hang from a step that goes again. */
const cutOffReasons: ReadonlySet<StepReason | null> = new Set([
  'upstream_failed',
  'run_failed',
  'run_timeout',
  'run_cancelled',
]);
const standingReasons: ReadonlySet<StepReason | null> = new Set(['branch_not_taken', 'skipped_by_hand']);

function stepsToRepeat(state: RunState): StepState[] {
  const isWhole = ({ plan }: StepState) => plan.instance === null;
  const wasStopped = ({ state, reason }: StepState) => state === 'failed' || cutOffReasons.has(reason);
  const stopped = new Set(
    state.steps.filter((step) => isWhole(step) && step.state !== 'completed' && wasStopped(step)),
  );
  const below = descendantsOf(state, ...stopped);
  const hangsBelow = ({ state, reason, plan }: StepState) =>
    below.has(plan.index) && state !== 'completed' && !standingReasons.has(reason);
  return state.steps.filter((step) => isWhole(step) && (stopped.has(step) || hangsBelow(step)));
}

function reset(state: RunState, step: StepState): void {
  const before = { reason: null, error: null, completedAt: null, endedOrder: null, ending: null };
  Object.assign(step, { state: 'pending', ...before, startedAt: null, beganAt: null });
  closeDelivery(step);
  state.unfinished++;
  resetMembers(state, step);
}
