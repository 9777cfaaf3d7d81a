import type { Effects } from './effects.ts';
import { createDelivery, type RunState, type StepState } from './state.ts';

/** The step's dependencies are met: it is sent at once, or queues for the serial lane. */
export function enterReady(state: RunState, step: StepState, effects: Effects): void {
  step.state = 'waiting';
  step.readyOrder = state.endedCount;
  state.active++;
  if (step.plan.definition.parallel) return grant(state, step, effects);
  state.laneQueue.push(step.plan.index);
  admitNext(state, effects);
}

/** The step has ended: the next of the lane, in definition order, may go. */
export function leaveLane(state: RunState, step: StepState, effects: Effects): void {
  if (state.laneHolder !== step.plan.index) return;
  state.laneHolder = null;
  admitNext(state, effects);
}

function admitNext(state: RunState, effects: Effects): void {
  if (state.laneHolder !== null) return;
  const index = state.laneQueue.pop();
  if (index === undefined) return;
  state.laneHolder = index;
  grant(state, state.steps[index]!, effects);
}

function grant(state: RunState, step: StepState, effects: Effects): void {
  step.delivery = createDelivery('step', step.plan.index, state.rounds, step.delivery?.attempts);
  effects.due(step.delivery);
}
