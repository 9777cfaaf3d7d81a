import type { Delivery } from './delivery.ts';
import type { Hook, RunState, StepStateName } from './state.ts';

/** How a run had ended when it was retried by hand before its hook was accepted: what that hook has to say. */
export interface RoundEnd {
  readonly run: Pick<RunState, 'state' | 'error' | 'startedAt' | 'completedAt'>;
  /** By step index; what has completed keeps its result, so no results are kept here. */
  readonly steps: readonly StepStateName[];
  readonly compensations: ReadonlyMap<number, Delivery>;
}

export function roundEndOf({ state, error, startedAt, completedAt, steps }: RunState): RoundEnd {
  return {
    run: { state, error, startedAt, completedAt },
    steps: steps.map((step) => step.state),
    compensations: new Map(
      steps.flatMap(({ plan, compensation }) => (compensation ? [[plan.index, compensation] as const] : [])),
    ),
  };
}

/** The run as the hook tells of it: also behind a retry, as it was when its round ended. To be read only. */
export function asItEnded(state: RunState, { ended }: Hook): RunState {
  if (ended === null) return state;
  const steps = ended.steps.map((name, index) => {
    const step = state.steps[index]!;
    const result = name === 'completed' ? step.result : null;
    return { ...step, state: name, result, compensation: ended.compensations.get(index) ?? null };
  });
  const completionOrder = state.completionOrder.filter((index) => index < steps.length);
  return { ...state, ...ended.run, steps, completionOrder };
}
