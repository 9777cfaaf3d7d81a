import type { RunState } from '@waybill/engine';
import { isoTime } from '@waybill/protocol';

/**
 * Nodes in definition order, instances of a `forEach` behind them; an edge leads from a dependency to the step that
 * waits for it.
 */
export function graphOf({ steps }: RunState) {
  const nodes = steps.map(({ plan, state, reason, delivery, startedAt, completedAt }) => ({
    id: plan.id,
    state,
    reason,
    parallel: plan.definition.parallel,
    attempts: delivery?.attempts ?? 0,
    startedAt: isoTime(startedAt),
    completedAt: isoTime(completedAt),
    ...(plan.instance ? { instanceOf: plan.definition.id } : {}),
  }));
  const edges = steps
    .filter(({ plan }) => plan.instance === null)
    .flatMap(({ plan }) => plan.definition.dependsOn.map((from) => ({ from, to: plan.id })));
  return { nodes, edges };
}
