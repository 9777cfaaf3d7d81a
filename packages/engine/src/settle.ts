import { type Ending, judge } from './condition.ts';
import type { Effects } from './effects.ts';
import { enterReady } from './ready.ts';
import type { RunState, StepReason, StepStateName } from './state.ts';
import { endStep, type StepState } from './step-state.ts';

/**
 * A step has ended: its dependents learn how, those whose condition now holds become ready, those whose
 * condition never will end as well, and so on down. Costs O(edges below what ends).
 */
export function settle(state: RunState, ended: StepState, how: Ending, at: number, effects: Effects): void {
  // A set: a join that this end meets may learn of another end in the same cascade.
  const ready = new Set<number>();
  const open: StepState[] = [ended];
  ended.ending = how;
  for (let step = open.pop(); step !== undefined; step = open.pop()) {
    const ending = step.ending!;
    for (const index of step.plan.dependents) {
      const dependent = state.steps[index]!;
      dependent.tally.open--;
      dependent.tally.ended[ending]++;
      if (!mayBeJudged(state, dependent)) continue;
      const verdict = judge(dependent.plan.condition, dependent.tally);
      if (verdict === 'run') ready.add(index);
      else if (verdict !== 'wait') {
        dependent.ending = endUnstarted(state, dependent, verdict, at);
        open.push(dependent);
      }
    }
  }
  for (const index of [...ready].sort((a, b) => a - b)) enterReady(state, state.steps[index]!, at, effects);
}

/**
 * The step chose among its dependents: those it did not name are skipped, whatever else they wait for. A
 * choice is about success: steps of failure modes are judged as ever.
 */
export function skipNotTaken(
  state: RunState,
  { plan }: StepState,
  taken: readonly string[],
  at: number,
  effects: Effects,
): void {
  for (const index of plan.dependents) {
    const dependent = state.steps[index]!;
    const { mode } = dependent.plan.condition;
    const isChoosable = mode === 'onSuccess' || mode === 'join';
    if (!isChoosable || taken.includes(dependent.plan.id)) continue;
    if (!mayBeJudged(state, dependent)) {
      // Also of one that a failure has cut off by now: the run may be taken up again.
      if (!hasRun.has(dependent.state)) dependent.isNotTaken = true;
      continue;
    }
    skip(state, dependent, 'branch_not_taken', at);
    settle(state, dependent, 'skipped', at, effects);
  }
}

const hasRun: ReadonlySet<StepStateName> = new Set(['waiting', 'running', 'completed', 'failed']);

/** A dependency has started: `inProgress` steps do not wait for its end. */
export function settleStarted(state: RunState, started: StepState, at: number, effects: Effects): void {
  for (const index of started.plan.dependents) {
    const dependent = state.steps[index]!;
    dependent.tally.started++;
    const { condition } = dependent.plan;
    if (condition.mode !== 'inProgress' || !mayBeJudged(state, dependent)) continue;
    if (judge(condition, dependent.tally) === 'run') enterReady(state, dependent, at, effects);
  }
}

/** Judges all of these that still wait: they are new, or what held them back is over. */
export function settlePending(
  state: RunState,
  steps: readonly StepState[],
  at: number,
  effects: Effects,
): void {
  for (const step of steps) {
    if (!mayBeJudged(state, step)) continue;
    if (step.isNotTaken) {
      skip(state, step, 'branch_not_taken', at);
      settle(state, step, 'skipped', at, effects);
      continue;
    }
    const verdict = judge(step.plan.condition, step.tally);
    if (verdict === 'run' || step.plan.dependencies.length === 0) enterReady(state, step, at, effects);
    else if (verdict !== 'wait') settle(state, step, endUnstarted(state, step, verdict, at), at, effects);
  }
}

/**
 * Not before the run has started, nor while it drains; what has started or ended never again. An instance goes
 * with the step it is of.
 */
function mayBeJudged(state: RunState, step: StepState): boolean {
  if (step.state !== 'pending' || step.plan.instance !== null || state.startedAt === null) return false;
  return state.ending === null || state.isDrained;
}

function endUnstarted(state: RunState, step: StepState, verdict: 'skip' | 'block', at: number): Ending {
  const { condition } = step.plan;
  const isBelowSkip = condition.mode === 'onSuccess' && step.tally.ended.skipped > 0;
  if (verdict === 'skip') {
    skip(state, step, isBelowSkip ? 'upstream_skipped' : 'condition_not_met', at);
    return 'skipped';
  }
  skip(state, step, 'upstream_failed', at);
  return 'blocked';
}

export function skip(state: RunState, step: StepState, reason: StepReason, at: number): void {
  endStep(state, step, 'skipped', at);
  step.reason = reason;
  if (step.plan.condition.mode === 'join') state.hasBlockedJoin = true;
}
