import type { Effects } from './effects.ts';
import { leaveLane } from './ready.ts';
import { settle, settleStarted, skipNotTaken } from './settle.ts';
import type { RunState } from './state.ts';
import { endStep, hasStarted, type StepState } from './step-state.ts';

export interface Completion {
  readonly at: number;
  /** JSON text; null for a `forEach`, whose result is that of its instances. */
  readonly result: string | null;
  /** The direct dependents that run; the others are skipped. */
  readonly next?: readonly string[] | undefined;
}

/** Every success of a step goes through here. */
export function completeStep(
  state: RunState,
  step: StepState,
  { at, result, next }: Completion,
  effects: Effects,
): void {
  // By hand, or with a signal that was there: `inProgress` steps have waited for a start that never came.
  if (!hasStarted(step)) settleStarted(state, step, at, effects);
  step.result = result;
  step.startedAt ??= step.beganAt;
  endStep(state, step, 'completed', at);
  state.completionOrder.push(step.plan.index);
  if (next) skipNotTaken(state, step, next, at, effects);
  settle(state, step, 'succeeded', at, effects);
  leaveLane(state, step);
}
