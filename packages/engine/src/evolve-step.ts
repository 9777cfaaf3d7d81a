import type { Effects } from './effects.ts';
import type { StepAdmitted, StepBegan, StepExpanded, StepFaulted, StepWoken } from './events.ts';
import { failStep } from './fail-step.ts';
import { expand } from './group.ts';
import { elementTexts } from './json-text.ts';
import { enterGate, enterLane } from './ready.ts';
import { settle, settleStarted, skip } from './settle.ts';
import type { RunState } from './state.ts';
import { stepOf } from './step-state.ts';

export function admit(state: RunState, event: StepAdmitted, effects: Effects): void {
  enterGate(state, stepOf(state, event.step), event.at, effects);
}

/** Its `when` is false. */
export function decline(state: RunState, event: StepAdmitted, effects: Effects): void {
  const step = stepOf(state, event.step);
  skip(state, step, 'condition_not_met', event.at);
  settle(state, step, 'skipped', event.at, effects);
}

export function expandStep(state: RunState, event: StepExpanded, effects: Effects): void {
  const step = stepOf(state, event.step);
  const items = elementTexts(event.result, Number.POSITIVE_INFINITY)?.texts ?? [];
  expand(state, step, items);
  // In a run that has not started the copies of its instances follow.
  if (step.state !== 'waiting') return;
  if (items.length > 0) enterGate(state, step, event.at, effects);
  else state.toJudge.set(step.plan.index, 'end');
}

export function fault(state: RunState, event: StepFaulted, effects: Effects): void {
  failStep(state, stepOf(state, event.step), event.error, event.at, effects);
}

export function beginWait(state: RunState, event: StepBegan, effects: Effects): void {
  const step = stepOf(state, event.step);
  const { kind, index, id } = step.plan;
  state.toJudge.delete(index);
  step.beganAt = event.at;
  if (kind === 'wait') state.openWaits.add(index);
  if (event.until !== undefined) {
    step.wakeAt = event.until;
    effects.wake({ kind: 'step', step: id }, event.until);
  }
  settleStarted(state, step, event.at, effects);
}

/** The time of its `delay` or `runAt` has come. */
export function wake(state: RunState, event: StepWoken, effects: Effects): void {
  enterLane(state, stepOf(state, event.step), effects);
}
