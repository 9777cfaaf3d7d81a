import { type Ending, judge } from './condition.ts';
import type { Effects } from './effects.ts';
import { enterReady } from './lane.ts';
import { endStep, type RunState, type StepReason, type StepState } from './state.ts';

/**
 * A step has ended: its dependents learn how, those whose condition now holds become ready, those whose
 * condition never will end as well, and so on down. Costs O(edges below what ends).
 */
export function settle(state: RunState, ended: StepState, how: Ending, at: number, effects: Effects): void {
  // A set: a join that this end meets may learn of another end in the same cascade.
  const ready = new Set<number>();
  const open: [StepState, Ending][] = [[ended, how]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [step, ending] = next;
    for (const index of step.plan.dependents) {
      const dependent = state.steps[index]!;
      dependent.tally.open--;
      dependent.tally.ended[ending]++;
      if (!mayBeJudged(state, dependent)) continue;
      const verdict = judge(dependent.plan.condition, dependent.tally);
      if (verdict === 'run') ready.add(index);
      else if (verdict !== 'wait') open.push([dependent, endUnstarted(state, dependent, verdict, at)]);
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
    if (!isChoosable || taken.includes(dependent.plan.id) || !mayBeJudged(state, dependent)) continue;
    skip(state, dependent, 'branch_not_taken', at);
    settle(state, dependent, 'skipped', at, effects);
  }
}

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

/** Judges every step that still waits: the run has drained, and only its failure path is left. */
export function settlePending(state: RunState, at: number, effects: Effects): void {
  for (const step of state.steps) {
    if (!mayBeJudged(state, step)) continue;
    const verdict = judge(step.plan.condition, step.tally);
    if (verdict === 'run') enterReady(state, step, at, effects);
    else if (verdict !== 'wait') settle(state, step, endUnstarted(state, step, verdict, at), at, effects);
  }
}

/** While a run drains nothing new is decided; what has started or ended never again. */
function mayBeJudged(state: RunState, step: StepState): boolean {
  return step.state === 'pending' && (state.ending === null || state.isDrained);
}

function endUnstarted(state: RunState, step: StepState, verdict: 'skip' | 'block', at: number): Ending {
  const { ended } = step.tally;
  const isBelowSkip = step.plan.condition.mode === 'onSuccess' && ended.skipped > 0;
  if (verdict === 'block') skip(state, step, 'upstream_failed', at);
  else skip(state, step, isBelowSkip ? 'upstream_skipped' : 'condition_not_met', at);
  return verdict === 'block' ? 'blocked' : 'skipped';
}

function skip(state: RunState, step: StepState, reason: StepReason, at: number): void {
  endStep(state, step, 'skipped', at);
  step.reason = reason;
}
