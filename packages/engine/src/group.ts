import { retired } from './delivery.ts';
import type { Effects } from './effects.ts';
import { mayStartAttempts } from './end-of-attempt.ts';
import { addInstances } from './own-plan.ts';
import { startDelivery } from './start-delivery.ts';
import type { RunState } from './state.ts';
import { closeDelivery, type Group, membersOf, type StepState } from './step-state.ts';

const defaultMaxConcurrency = 10;

/** The list of a `forEach` is known: one instance for each item. */
export function expand(state: RunState, step: StepState, items: readonly string[]): void {
  const first = state.steps.length;
  const members = addInstances(state, step, items);
  step.group = {
    first,
    count: items.length,
    tolerated: toleratedOf(step, items.length),
    ...fresh(members),
  };
  state.unfinished += items.length;
}

function fresh(members: readonly StepState[]): Omit<Group, 'first' | 'count' | 'tolerated'> {
  const queue = members.map(({ plan }) => plan.index);
  const counts = { next: 0, underWay: 0, left: queue.length, failures: 0 };
  return { queue, ...counts, isLetGo: false, isGivenUp: false, isCutOff: false };
}

function toleratedOf({ plan: { definition } }: StepState, count: number): number {
  const { toleratedFailures = 0 } = definition;
  if (typeof toleratedFailures === 'number') return toleratedFailures;
  return Math.floor((Number.parseFloat(toleratedFailures) * count) / 100);
}

/** The step has its place in the lane, or needs none: its instances may go, as many at once as it allows. */
export function letGo(state: RunState, step: StepState, effects: Effects): void {
  step.group!.isLetGo = true;
  for (const index of step.group!.queue) {
    const member = state.steps[index]!;
    // Ended by hand before its time.
    if (member.state !== 'pending') continue;
    member.state = 'waiting';
    member.readyOrder = step.readyOrder;
    state.active++;
  }
  // In a round in which it alone goes again, because it was cut off behind all of them.
  if (step.group!.left === 0) state.toJudge.set(step.plan.index, 'end');
  admitMembers(state, step, effects);
}

/** An instance keeps its place until it ends, its back-off included. */
export function admitMembers(state: RunState, { plan, group }: StepState, effects: Effects): void {
  const { maxConcurrency = defaultMaxConcurrency } = plan.definition;
  const { queue } = group!;
  while (group!.underWay < maxConcurrency && group!.next < queue.length && mayStartAttempts(state)) {
    const member = state.steps[queue[group!.next++]!]!;
    // Ended by hand before its turn.
    if (member.state !== 'waiting') continue;
    group!.underWay++;
    startDelivery(state, member, effects);
  }
}

/** None of its instances was sent: they wait with the step for its next turn. */
export function recall(state: RunState, step: StepState, effects: Effects): void {
  const members = membersOf(state, step).filter(({ state }) => state === 'waiting' || state === 'pending');
  for (const member of members) {
    if (member.state === 'waiting') state.active--;
    if (member.delivery) effects.revoked(member.delivery);
    Object.assign(member, { state: 'pending', delivery: retired(member.delivery) });
  }
  if (step.group) Object.assign(step.group, fresh(members));
}

/** What has not succeeded goes once more: a new round. */
export function resetMembers(state: RunState, step: StepState): void {
  const isDone = ({ state, reason }: StepState) => state === 'completed' || reason === 'skipped_by_hand';
  const members = membersOf(state, step).filter((member) => !isDone(member));
  for (const member of members) {
    const before = { reason: null, error: null, completedAt: null, endedOrder: null, ending: null };
    Object.assign(member, { state: 'pending', ...before, startedAt: null });
    closeDelivery(member);
  }
  state.unfinished += members.length;
  if (step.group) Object.assign(step.group, fresh(members));
}
