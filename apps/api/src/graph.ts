import { attemptsOf, type RunState, type StepState } from '@waybill/engine';
import { isoTime } from '@waybill/protocol';

/**
 * Nodes in definition order, instances of a `forEach` behind them; an edge leads from a dependency to the step that
 * waits for it.
 */
export function graphOf(run: RunState) {
  const { steps } = run;
  const nodes = steps.map((step) => nodeOf(run, step));
  const edges = steps
    .filter(({ plan }) => plan.instance === null)
    .flatMap(({ plan }) => plan.definition.dependsOn.map((from) => ({ from, to: plan.id })));
  return { nodes, edges };
}

function nodeOf(run: RunState, step: StepState) {
  const { plan, state, reason, startedAt, completedAt } = step;
  return {
    id: plan.id,
    state,
    reason,
    parallel: plan.definition.parallel,
    attempts: attemptsOf(run, step),
    startedAt: isoTime(startedAt),
    completedAt: isoTime(completedAt),
    ...(plan.instance ? { instanceOf: plan.definition.id } : {}),
  };
}
