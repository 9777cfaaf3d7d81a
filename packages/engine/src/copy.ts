import { stepOf } from './by-hand.ts';
import type { Rejection } from './commands.ts';
import type { Effects } from './effects.ts';
import type { RunEvent, StepCopied } from './events.ts';
import { descendantsOf } from './fail-step.ts';
import { membersOf } from './group.ts';
import { ancestorsOf, type Plan } from './plan.ts';
import { settle } from './settle.ts';
import type { RunState } from './state.ts';
import { endStep, resultOf, type StepState } from './step-state.ts';

/**
 * What a new run takes over from `old`, to be written behind its `run.created`: the steps that completed, were not
 * compensated, and do not hang from `fromStep`. `plan` is of the version that the new run follows.
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
  const below = descendantsOf(old, from);
  const stays = (step: StepState) => step !== from && !below.has(step.plan.index);
  const added = old.steps.filter((step) => step.bornAt !== null && step.plan.instance === null);
  // Those that hang from what runs again are added again by it.
  const keptAdded = added.filter((step) => stays(step) || step === from);
  const known = new Set([...plan.indexById.keys(), ...keptAdded.map((step) => step.plan.id)]);
  const addable = keptAdded.filter(({ plan }) => plan.definition.dependsOn.every((id) => known.has(id)));
  const isKept = (step: StepState) => stays(step) && known.has(step.plan.id) && !isUndone(old, step);
  return {
    events: [...additions(old, addable), ...old.completionOrder.flatMap((index) => copy(old, index, isKept))],
  };
}

function additions({ createdAt: at }: RunState, added: readonly StepState[]): RunEvent[] {
  if (added.length === 0) return [];
  return [{ type: 'steps.added', at, steps: added.map(({ plan }) => plan.definition) }];
}

/** Of a `forEach` the list comes first, then its instances, then itself. */
function copy(old: RunState, index: number, isKept: (step: StepState) => boolean): RunEvent[] {
  const step = old.steps[index]!;
  if (step.plan.instance !== null || !isKept(step)) return [];
  const { group } = step;
  if (group === null) return [copied(old, step)];
  const members = membersOf(old, step);
  const items = `[${members.map(({ plan }) => plan.instance!.item).join(',')}]`;
  const at = step.completedAt!;
  return [
    { type: 'step.expanded', at, step: step.plan.id, result: items },
    ...members.sort(byEnd).map((member) => copied(old, member)),
    copied(old, step),
  ];
}

const byEnd = (a: StepState, b: StepState) => a.endedOrder! - b.endedOrder!;

function copied(old: RunState, step: StepState): StepCopied {
  const { startedAt, completedAt: at, error } = step;
  const name = { type: 'step.copied', at: at!, step: step.plan.id, startedAt } as const;
  return step.state === 'failed'
    ? { ...name, error: error! }
    : { ...name, result: resultOf(old, step) ?? 'null' };
}

/** A `forEach` is undone when one of its instances is. */
function isUndone(old: RunState, step: StepState): boolean {
  return [step, ...membersOf(old, step)].some(({ compensation }) => (compensation?.attempts ?? 0) > 0);
}

export function copyStep(state: RunState, event: StepCopied, effects: Effects): void {
  const { step: id, at, result, error, startedAt } = event;
  const step = stepOf(state, id);
  step.startedAt = startedAt;
  if (error) {
    step.error = error;
    endStep(state, step, 'failed', at);
    return settle(state, step, 'failed', at, effects);
  }
  // That of a `forEach` follows from its instances.
  if (step.group === null) step.result = result!;
  endStep(state, step, 'completed', at);
  state.completionOrder.push(step.plan.index);
  settle(state, step, 'succeeded', at, effects);
}
