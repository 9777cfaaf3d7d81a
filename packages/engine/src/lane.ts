import type { Effects } from './effects.ts';
import { createDelivery, type RunState, type StepState } from './state.ts';

/** The step's condition holds: it waits for its time, if it has one, then for the lane or a socket. */
export function enterReady(state: RunState, step: StepState, at: number, effects: Effects): void {
  step.state = 'waiting';
  step.readyOrder = state.endedCount;
  state.active++;
  const wakeAt = timeOf(state, step);
  if (wakeAt === null || wakeAt <= at) return enterLane(state, step, effects);
  step.wakeAt = wakeAt;
  effects.wake({ kind: 'step', step: step.plan.id }, wakeAt);
}

function timeOf(state: RunState, { plan: { gate } }: StepState): number | null {
  if (gate === null) return null;
  return 'at' in gate ? gate.at : (state.startedAt ?? 0) + gate.afterMs;
}

/** It is sent at once, or queues for the serial lane, which `inProgress` steps are outside of. */
export function enterLane(state: RunState, step: StepState, effects: Effects): void {
  step.wakeAt = null;
  const { definition, condition } = step.plan;
  if (definition.parallel || condition.mode === 'inProgress') return grant(state, step, effects);
  state.laneQueue.push(step.plan.index);
}

export function leaveLane(state: RunState, step: StepState): void {
  if (state.laneHolder === step.plan.index) state.laneHolder = null;
}

/**
 * If the lane is free, the first in definition order may go. Only once an event has had all its consequences:
 * whatever it made ready queues before.
 */
export function admitNext(state: RunState, effects: Effects): void {
  if (state.laneHolder !== null) return;
  let index = state.laneQueue.pop();
  // Ended by hand while it queued.
  while (index !== undefined && state.steps[index]!.state !== 'waiting') index = state.laneQueue.pop();
  if (index === undefined) return;
  state.laneHolder = index;
  grant(state, state.steps[index]!, effects);
}

function grant(state: RunState, step: StepState, effects: Effects): void {
  const { attempts, error = null } = step.delivery ?? {};
  // The error of the round before is the last one until there is another.
  step.delivery = Object.assign(createDelivery('step', step.plan.index, state.rounds, attempts), { error });
  effects.due(step.delivery);
}
