import type { Rejection } from './commands.ts';
import type { Effects } from './effects.ts';
import type { RunEvent, StepCopied } from './events.ts';
import { descendantsOf } from './fail-step.ts';
import { ancestorsOf, type Plan } from './plan.ts';
import { settle, settleStarted, skip } from './settle.ts';
import type { RunState } from './state.ts';
import { endStep, membersOf, type StepState, stepOf } from './step-state.ts';

/**
 * What a new run takes over from `old`, to be written behind its `run.created`: the steps that completed, were not
 * compensated, and hang from nothing that runs again; and the branches that were not taken. `plan` is of the version
 * that the new run follows.
 */
export function copiesOf(
  old: RunState,
  plan: Plan,
  fromStep: string,
): { readonly events: readonly RunEvent[] } | { readonly rejection: Rejection } {
  const from = old.steps[old.plan.indexById.get(fromStep) ?? -1];
  if (!from || from.plan.instance !== null || (from.bornAt === null && !plan.indexById.has(fromStep))) {
    return { rejection: { code: 'unknown_step', message: `no step "${fromStep}" to run again from` } };
  }
  const undone = ancestorsOf(old.plan, from.plan.index)
    .map((index) => old.steps[index]!)
    .find((step) => isUndone(old, step));
  if (undone) {
    const message = `step "${undone.plan.id}" above "${fromStep}" is compensated: run again from there, or from the start`;
    return { rejection: { code: 'already_compensated', message } };
  }
  const again = runsAgain(old, from);
  const added = addedAgain(old, plan, again);
  const known = new Set([...plan.indexById.keys(), ...added.map((step) => step.plan.id)]);
  const kept = old.steps
    .filter(({ plan }) => plan.instance === null && known.has(plan.id) && !again.has(plan.index))
    .filter((step) => step.state === 'completed' || isChoice(step))
    .sort(byEnd);
  return { events: [...additions(old, added), ...kept.flatMap((step) => copy(old, step))] };
}

/** The step, what ended otherwise than well, and all that hangs from either. */
function runsAgain(old: RunState, from: StepState): Set<number> {
  const tops = old.steps.filter((step) => {
    if (step === from) return true;
    const endedWell = step.state === 'completed' ? !isUndone(old, step) : step.state === 'skipped';
    return step.plan.instance === null && !endedWell;
  });
  return new Set([...descendantsOf(old, ...tops), ...tops.map(({ plan }) => plan.index)]);
}

/** Skipped by somebody's choice, and not because of how others ended: that is judged anew. */
function isChoice({ state, reason, isNotTaken }: StepState): boolean {
  return state === 'skipped' && (isNotTaken || reason === 'branch_not_taken' || reason === 'skipped_by_hand');
}

/** Added steps, but for those that an answer will add again. */
function addedAgain(old: RunState, plan: Plan, again: ReadonlySet<number>): StepState[] {
  const isAnsweredAgain = ({ addedBy }: StepState) =>
    addedBy !== null && again.has(old.plan.indexById.get(addedBy)!);
  const added = old.steps.filter(
    (step) => step.bornAt !== null && step.plan.instance === null && !isAnsweredAgain(step),
  );
  const known = new Set([...plan.indexById.keys(), ...added.map((step) => step.plan.id)]);
  return added.filter((step) => step.plan.definition.dependsOn.every((above) => known.has(above)));
}

function additions({ createdAt: at }: RunState, added: readonly StepState[]): RunEvent[] {
  if (added.length === 0) return [];
  return [{ type: 'steps.added', at, steps: added.map(({ plan }) => plan.definition) }];
}

/** Of a `forEach` the list comes first, then its instances, then itself. */
function copy(old: RunState, step: StepState): RunEvent[] {
  const { group } = step;
  if (group === null) return [copied(step)];
  const members = membersOf(old, step);
  const items = `[${members.map(({ plan }) => plan.instance!.item).join(',')}]`;
  const expanded: RunEvent = {
    type: 'step.expanded',
    at: step.completedAt!,
    step: step.plan.id,
    result: items,
  };
  return [expanded, ...members.sort(byEnd).map(copied), copied(step)];
}

const byEnd = (a: StepState, b: StepState) => (a.endedOrder ?? 0) - (b.endedOrder ?? 0);

function copied(step: StepState): StepCopied {
  const { startedAt, completedAt: at, error, state, reason, isNotTaken } = step;
  const name = { type: 'step.copied', at: at!, step: step.plan.id, startedAt } as const;
  if (state === 'failed') return { ...name, error: error! };
  // A failure may have cut it off before the choice was made.
  if (state === 'skipped')
    return { ...name, skipped: isNotTaken && reason !== 'skipped_by_hand' ? 'branch_not_taken' : reason! };
  return { ...name, result: step.result ?? undefined };
}

/** A `forEach` is undone when one of its instances is. */
function isUndone(old: RunState, step: StepState): boolean {
  return [step, ...membersOf(old, step)].some(({ compensation }) => (compensation?.attempts ?? 0) > 0);
}

export function copyStep(state: RunState, event: StepCopied, effects: Effects): void {
  const { step: id, at, result, error, skipped, startedAt } = event;
  const step = stepOf(state, id);
  step.startedAt = startedAt;
  if (skipped) {
    skip(state, step, skipped, at);
    return settle(state, step, 'skipped', at, effects);
  }
  if (error) {
    step.error = error;
    endStep(state, step, 'failed', at);
    return settle(state, step, 'failed', at, effects);
  }
  settleStarted(state, step, at, effects);
  step.result = result ?? null;
  endStep(state, step, 'completed', at);
  state.completionOrder.push(step.plan.index);
  settle(state, step, 'succeeded', at, effects);
}
