import type { StepError } from './delivery.ts';
import type { RunEvent } from './events.ts';
import {
  type Compiled,
  type Expression,
  type ExpressionInput,
  evaluateCondition,
  evaluateList,
} from './expression/index.ts';
import { errorOfGroup } from './settle-groups.ts';
import { hasSignal } from './signals.ts';
import type { RunState } from './state.ts';
import { resultOf, type StepState } from './step-state.ts';

/** What becomes of a step that `toJudge` names. */
export function judgeStep(state: RunState, index: number, now: number): RunEvent {
  const step = state.steps[index]!;
  switch (state.toJudge.get(index)!) {
    case 'condition':
      return evaluate(state, step, now);
    case 'beginning':
      return begin(state, step, now);
    case 'signal':
      return { type: 'signal.taken', at: now, step: step.plan.id, startedAt: step.beganAt ?? undefined };
    case 'end':
      return gathered(state, step, now);
  }
}

function evaluate(state: RunState, step: StepState, at: number): RunEvent {
  const { id, when, forEach } = step.plan;
  if (when !== null) {
    const verdict = evaluated(state, when, evaluateCondition);
    if ('error' in verdict) return faulted(id, 'when', verdict.error, at);
    if (!verdict.value) return { type: 'step.declined', at, step: id };
  }
  if (forEach === null || step.group !== null) return { type: 'step.admitted', at, step: id };
  const list = evaluated(state, forEach, evaluateList);
  if ('error' in list) return faulted(id, 'forEach', list.error, at);
  const { items } = list;
  // Instances count in place of the steps that they are of: a list may have as many items as a run has steps.
  const others = state.steps.filter(({ plan }) => plan.forEach === null).length;
  const total = others + items.length;
  const { stepsMax } = state.limits;
  if (total > stepsMax) {
    const message = `the run would have ${total} steps with its ${items.length} instances, above stepsMax ${stepsMax}`;
    const details = { limit: { name: 'stepsMax', value: stepsMax } };
    return { type: 'step.faulted', at, step: id, error: { code: 'too_many_steps', message, details } };
  }
  return { type: 'step.expanded', at, step: id, result: `[${items.join(',')}]` };
}

/** `parseDefinition` lets no faulty expression through; another version of the library may see it otherwise. */
function evaluated<T>(
  state: RunState,
  compiled: Compiled,
  evaluate: (expression: Expression, input: ExpressionInput) => T,
): T | { error: string } {
  if ('fault' in compiled) return { error: compiled.fault };
  return evaluate(compiled.expression, inputOf(state));
}

function inputOf(state: RunState): ExpressionInput {
  return {
    context: state.context,
    step(id) {
      const index = state.plan.indexById.get(id);
      const step = index === undefined ? undefined : state.steps[index];
      return step ? { state: step.state, result: resultOf(state, step), error: step.error } : null;
    },
  };
}

function faulted(step: string, field: string, message: string, at: number): RunEvent {
  const error: StepError = { code: 'expression_failed', message: `${field}: ${message}` };
  return { type: 'step.faulted', at, step, error };
}

function gathered(state: RunState, step: StepState, at: number): RunEvent {
  const error = errorOfGroup(state, step) ?? undefined;
  return { type: 'step.gathered', at, step: step.plan.id, startedAt: step.startedAt ?? undefined, error };
}

function begin(state: RunState, step: StepState, at: number): RunEvent {
  const { id, definition } = step.plan;
  if (definition.waitFor && hasSignal(state, step)) return { type: 'signal.taken', at, step: id };
  const seconds = definition.sleep ?? definition.waitFor?.timeout;
  const until = seconds === undefined ? undefined : at + seconds * 1000;
  return { type: 'step.began', at, step: id, until };
}
