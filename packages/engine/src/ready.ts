import type { Effects } from './effects.ts';
import { letGo } from './group.ts';
import { startDelivery } from './start-delivery.ts';
import type { RunState } from './state.ts';
import type { StepState } from './step-state.ts';

/** The step's condition holds: its expressions have a word, then its time, then the lane or a socket. */
export function enterReady(state: RunState, step: StepState, at: number, effects: Effects): void {
  const { when, forEach, index } = step.plan;
  wait(state, step);
  if (when !== null || (forEach !== null && step.group === null)) state.toJudge.set(index, 'condition');
  else enterGate(state, step, at, effects);
}

/** In a round of policy `retry`: what has been judged stays judged. */
export function enterAgain(state: RunState, step: StepState, at: number, effects: Effects): void {
  wait(state, step);
  enterGate(state, step, at, effects);
}

function wait(state: RunState, step: StepState): void {
  step.state = 'waiting';
  step.readyOrder = state.endedCount;
  state.active++;
}

/** It waits for its time, if it has one. */
export function enterGate(state: RunState, step: StepState, at: number, effects: Effects): void {
  state.toJudge.delete(step.plan.index);
  const wakeAt = timeOf(state, step);
  if (wakeAt === null || wakeAt <= at) return enterLane(state, step, effects);
  step.wakeAt = wakeAt;
  effects.wake({ kind: 'step', step: step.plan.id }, wakeAt);
}

function timeOf(state: RunState, { plan: { gate }, bornAt }: StepState): number | null {
  if (gate === null) return null;
  return 'at' in gate ? gate.at : Math.max(bornAt ?? 0, state.startedAt ?? 0) + gate.afterMs;
}

/**
 * It is sent at once, or queues for the serial lane. Outside of the lane are `inProgress` steps and all that send
 * nothing themselves.
 */
export function enterLane(state: RunState, step: StepState, effects: Effects): void {
  step.wakeAt = null;
  const { definition, condition, kind, index } = step.plan;
  if (kind === 'sleep' || kind === 'wait') state.toJudge.set(index, 'beginning');
  else if (definition.parallel || condition.mode === 'inProgress' || kind === 'workflow') {
    grant(state, step, effects);
  } else state.laneQueue.push(index);
}

export function leaveLane(state: RunState, step: StepState): void {
  if (state.laneHolder === step.plan.index) state.laneHolder = null;
}

/**
 * If the lane is free, the first in definition order may go. Only once an event has had all its consequences:
 * whatever it made ready queues before, what is still to be judged in the same commit included.
 */
export function admitNext(state: RunState, effects: Effects): void {
  if (state.laneHolder !== null || state.toJudge.size > 0) return;
  let index = state.laneQueue.pop();
  // Ended by hand while it queued.
  while (index !== undefined && state.steps[index]!.state !== 'waiting') index = state.laneQueue.pop();
  if (index === undefined) return;
  state.laneHolder = index;
  grant(state, state.steps[index]!, effects);
}

function grant(state: RunState, step: StepState, effects: Effects): void {
  if (step.group !== null) return letGo(state, step, effects);
  startDelivery(state, step, effects);
}
