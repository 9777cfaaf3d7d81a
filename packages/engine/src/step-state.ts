import { createTally, type Ending, type Tally } from './condition.ts';
import type { Delivery, StepError } from './delivery.ts';
import type { PlanStep } from './plan.ts';
import type { RunState, StepReason, StepStateName } from './state.ts';

export interface StepState {
  plan: PlanStep;
  state: StepStateName;
  reason: StepReason | null;
  tally: Tally;
  /** A step above it chose others while the run drained: it is skipped once it would be judged. */
  isNotTaken: boolean;
  /** How it ended, as its dependents were told; null while they wait, also for a failure that awaits a round. */
  ending: Ending | null;
  /** The step whose answer added it. */
  addedBy: string | null;
  /** When it came to be, if it was added to the run; engine time in ms. */
  bornAt: number | null;
  /** Its condition holds, its time has not come: engine time in ms. */
  wakeAt: number | null;
  /** When it began to sleep or to wait for its signal. */
  beganAt: number | null;
  /** Null until the step may be sent. */
  delivery: Delivery | null;
  /** The instances of a `forEach`, once it is expanded. */
  group: Group | null;
  startedAt: number | null;
  completedAt: number | null;
  /** How many steps of the run had ended before it did; null until it has. */
  endedOrder: number | null;
  /** How many steps had ended when it became ready: its requests carry those of them above it. */
  readyOrder: number;
  /** JSON text as it came. */
  result: string | null;
  error: StepError | null;
  compensation: Delivery | null;
}

/** Instances of a `forEach`: steps that stand one after another behind all others of their time. */
export interface Group {
  readonly first: number;
  readonly count: number;
  /** Instances that may fail. */
  readonly tolerated: number;
  /** It has its place in the lane, or needs none: its instances may go. */
  isLetGo: boolean;
  /** Indices still to go, in order; `next` is the position of the first. */
  queue: number[];
  next: number;
  /** On their way, and not ended. */
  underWay: number;
  /** Not ended. */
  left: number;
  failures: number;
  /** Too many have failed: no further one is sent. */
  isGivenUp: boolean;
  /** The run failed, and not every instance could be sent or tried again. */
  isCutOff: boolean;
}

export function createStepState(plan: PlanStep, bornAt: number | null = null): StepState {
  return {
    plan,
    state: 'pending',
    reason: null,
    tally: createTally(plan.dependencies.length),
    isNotTaken: false,
    ending: null,
    addedBy: null,
    bornAt,
    wakeAt: null,
    beganAt: null,
    delivery: null,
    group: null,
    startedAt: null,
    completedAt: null,
    endedOrder: null,
    readyOrder: 0,
    result: null,
    error: null,
    compensation: null,
  };
}

/** Every end of a step, whatever its cause, goes through here. */
export function endStep(
  state: RunState,
  step: StepState,
  outcome: 'completed' | 'failed' | 'skipped' | 'cancelled',
  at: number,
): void {
  if (step.state === 'waiting' || step.state === 'running') state.active--;
  withdraw(state, step);
  step.state = outcome;
  step.completedAt = at;
  step.endedOrder = state.endedCount++;
  state.unfinished--;
  if (step.plan.instance !== null) leaveGroup(state, step, step.plan.instance.of);
  if (step.group !== null && step.group.left > 0) state.touchedGroups.add(step.plan.index);
}

function leaveGroup(state: RunState, member: StepState, of: number): void {
  const group = state.steps[of]!.group!;
  group.left--;
  if (member.delivery !== null && member.delivery.round === state.rounds) group.underWay--;
  if (member.state === 'failed') group.failures++;
  state.touchedGroups.add(of);
}

/** It waits for nothing any more: neither its time, nor a signal, nor its expressions. */
export function withdraw(state: RunState, step: StepState): void {
  step.wakeAt = null;
  if (state.toJudge.size > 0) state.toJudge.delete(step.plan.index);
  if (state.openWaits.size > 0) state.openWaits.delete(step.plan.index);
}

/** Of a round that is over: it is not sent any more, though its attempts still count on. */
export function closeDelivery({ delivery }: StepState): void {
  if (delivery) Object.assign(delivery, { state: 'failed', retryAt: null });
}

export function hasEnded(step: StepState): boolean {
  return step.state !== 'pending' && step.state !== 'waiting' && step.state !== 'running';
}

export function stepOf(state: RunState, id: string): StepState {
  return state.steps[state.plan.indexById.get(id)!]!;
}

/** The instances of a `forEach`; none before it is expanded. */
export function membersOf(state: RunState, { group }: Pick<StepState, 'group'>): StepState[] {
  return group === null ? [] : state.steps.slice(group.first, group.first + group.count);
}

/** As `inProgress` steps see it: sent, or asleep, or waiting for its signal. */
export function hasStarted({ startedAt, beganAt }: StepState): boolean {
  return startedAt !== null || beganAt !== null;
}

/** JSON text of the result; of a `forEach`, the results of its instances in order. */
export function resultOf(state: RunState, step: StepState): string | null {
  if (step.group === null || step.state !== 'completed' || step.result !== null) return step.result;
  return `[${membersOf(state, step).map(memberResult).join(',')}]`;
}

/** Attempts made; of a `forEach`, those of its instances. */
export function attemptsOf(state: RunState, step: StepState): number {
  return [step, ...membersOf(state, step)].reduce((sum, { delivery }) => sum + (delivery?.attempts ?? 0), 0);
}

/** Whether its handler may have acted although the step did not complete; of a `forEach`, that of any instance. */
export function outcomeOf(state: RunState, step: StepState): 'unknown' | null {
  const isUnknown = ({ state, error }: StepState) => state !== 'completed' && error?.outcome === 'unknown';
  return [step, ...membersOf(state, step)].some(isUnknown) ? 'unknown' : null;
}

function memberResult({ state, result, error }: StepState): string {
  if (state === 'completed') return result ?? 'null';
  return state === 'failed' ? `{"success":false,"error":${JSON.stringify(error)}}` : 'null';
}
