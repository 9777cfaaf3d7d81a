import type { RunState } from '@waybill/engine';
import { isoTime } from '@waybill/protocol';

/** Nodes in definition order; an edge leads from a dependency to the step that waits for it. */
export function graphOf({ steps }: RunState) {
  const nodes = steps.map(({ plan, state, reason, delivery, completedAt }) => ({
    id: plan.id,
    state,
    reason,
    parallel: plan.definition.parallel,
    attempts: delivery?.attempts ?? 0,
    startedAt: isoTime(delivery?.firstStartedAt ?? null),
    completedAt: isoTime(completedAt),
  }));
  const edges = steps.flatMap(({ plan }) => plan.definition.dependsOn.map((from) => ({ from, to: plan.id })));
  return { nodes, edges };
}
