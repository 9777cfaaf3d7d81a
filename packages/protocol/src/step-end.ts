import type { RunEvent, RunState } from '@waybill/engine';

/** The end of a step as observers see it. */
export interface StepEnd {
  readonly stepId: string;
  readonly outcome: 'completed' | 'failed' | 'skipped';
  /** From the start of the first attempt to the end, waits between included; 0 for what never started. */
  readonly durationMs: number;
  /** The step's `slowAfter`, when it completed later than that; else null. */
  readonly slowAfterMs: number | null;
}

const completedTypes: ReadonlySet<string> = new Set([
  'step.completed',
  'step.passed',
  'wait.over',
  'step.gathered',
  'signal.taken',
]);
const skippedTypes: ReadonlySet<string> = new Set(['step.skipped', 'step.declined']);
const endTypes: ReadonlySet<string> = new Set([
  ...completedTypes,
  ...skippedTypes,
  'step.failed',
  'step.faulted',
  'step.given_up',
]);

/** What the event says of a step's end; null when it is none. The state may be newer than the event. */
export function stepEndOf(state: RunState, event: RunEvent): StepEnd | null {
  if (!endTypes.has(event.type)) return null;
  const stepId = (event as { step: string }).step;
  const index = state.plan.indexById.get(stepId);
  const step = index === undefined ? undefined : state.steps[index];
  // A `forEach` may have gathered too many failures.
  const isCompleted = completedTypes.has(event.type) && !('error' in event && event.error !== undefined);
  // A step that was sent again by hand may have started anew since: its end still knows its own attempt.
  const lastStartedAt = ('startedAt' in event ? event.startedAt : null) ?? event.at;
  const durationMs = event.at - Math.min(step?.startedAt ?? lastStartedAt, lastStartedAt);
  const slowAfter = step?.plan.definition.slowAfter;
  const isSlow = isCompleted && slowAfter !== undefined && durationMs > slowAfter * 1000;
  const outcome = isCompleted ? 'completed' : skippedTypes.has(event.type) ? 'skipped' : 'failed';
  return { stepId, outcome, durationMs, slowAfterMs: isSlow ? slowAfter * 1000 : null };
}
