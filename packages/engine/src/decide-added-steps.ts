import type { AddSteps, Rejection } from './commands.ts';
import { conditionOf, isCancelMode } from './condition.ts';
import { type Decision, reject } from './decision.ts';
import type { StepDefinition } from './definition.ts';
import type { StepsAdded } from './events.ts';
import { findFailurePath } from './failure-path.ts';
import { findCycle } from './graph.ts';
import { isTerminal, type RunState } from './state.ts';

export function decideAddSteps(state: RunState, { commandId, steps }: AddSteps, now: number): Decision {
  if (isTerminal(state.state)) return reject('run_ended', `the run is already ${state.state}`);
  if (state.phase === 'compensating') return reject('run_ending', 'the run is already compensating');
  const fresh = freshSteps(state, steps);
  if ('code' in fresh) return { rejection: fresh };
  const stranger = strangerAmong(state, fresh);
  if (stranger) {
    const message = `the run is ending as ${state.ending}: step "${stranger.id}" would not run in it`;
    return reject('run_ending', message);
  }
  const applied = { type: 'command.applied', at: now, commandId } as const;
  return { events: [applied, ...additionOf(fresh, now)] };
}

/** Of a handler's answer. What a run that is ending cannot take is added all the same, and cut off at once. */
export function additionOf(
  fresh: readonly StepDefinition[],
  now: number,
  step?: string | undefined,
): StepsAdded[] {
  return fresh.length === 0 ? [] : [{ type: 'steps.added', at: now, step, steps: fresh }];
}

/** Those that the run does not have yet, or why they cannot be added. */
export function freshSteps(
  state: RunState,
  steps: readonly StepDefinition[],
): readonly StepDefinition[] | Rejection {
  const fresh: StepDefinition[] = [];
  for (const step of steps) {
    const index = state.plan.indexById.get(step.id);
    if (index === undefined) fresh.push(step);
    else if (!isSame(state.plan.steps[index]!.definition, step)) {
      return { code: 'step_conflict', message: `the run has another step "${step.id}" already` };
    }
  }
  const total = state.steps.length + fresh.length;
  const { stepsMax } = state.limits;
  if (total > stepsMax) {
    const limit = { name: 'stepsMax', value: stepsMax };
    return { ...invalid(`the run would have ${total} steps, above stepsMax ${stepsMax}`), limit };
  }
  return faultOf(state, fresh) ?? fresh;
}

/** Both went through the same normaliser, so the same content is the same text. */
function isSame(one: StepDefinition, other: StepDefinition): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function faultOf(state: RunState, fresh: readonly StepDefinition[]): Rejection | null {
  const known = new Set(fresh.map(({ id }) => id));
  if (known.size < fresh.length) return invalid('two of the steps have the same id');
  for (const { id, dependsOn } of fresh) {
    const stranger = dependsOn.find((above) => !known.has(above) && !isDefined(state, above));
    if (stranger !== undefined) return invalid(`step "${id}" depends on the unknown step "${stranger}"`);
  }
  const inner = fresh.map(({ id, dependsOn }) => ({
    id,
    dependsOn: dependsOn.filter((above) => known.has(above)),
  }));
  const cycle = findCycle(inner, new Map(inner.map(({ id }, index) => [id, index])));
  return cycle && invalid(`cycle: ${cycle.join(' → ')}`);
}

/** Nothing depends on an instance of a `forEach`: it is the whole that dependents wait for. */
function isDefined({ plan }: RunState, id: string): boolean {
  const index = plan.indexById.get(id);
  return index !== undefined && plan.steps[index]!.instance === null;
}

/** A step that a run which is ending would cut off. */
function strangerAmong({ ending, plan }: RunState, fresh: readonly StepDefinition[]) {
  if (ending === null) return undefined;
  if (ending === 'cancelled') return fresh.find((step) => !isCancelMode(conditionOf(step).mode));
  const indexById = new Map(plan.indexById);
  for (const [offset, { id }] of fresh.entries()) indexById.set(id, plan.steps.length + offset);
  const isOnPath = findFailurePath({ steps: plan.steps, indexById }, fresh);
  return fresh.find((_, offset) => !isOnPath[offset]);
}

function invalid(message: string): Rejection {
  return { code: 'invalid_steps', message };
}
