import type { RunEvent, RunState } from '@waybill/engine';

/** The end of a step as observers see it. */
export interface StepEnd {
  readonly stepId: string;
  readonly isCompleted: boolean;
  /** From the start of the first attempt to the end, waits between included; 0 for what never started. */
  readonly durationMs: number;
  /** The step's `slowAfter`, when it completed later than that; else null. */
  readonly slowAfterMs: number | null;
}

/** What the event says of a step's end; null when it is none. The state may be newer than the event. */
export function stepEndOf(state: RunState, event: RunEvent): StepEnd | null {
  const isCompleted = event.type === 'step.completed' || event.type === 'step.passed';
  if (!isCompleted && event.type !== 'step.failed' && event.type !== 'step.skipped') return null;
  const stepId = event.step!;
  const index = state.plan.indexById.get(stepId);
  const step = index === undefined ? undefined : state.steps[index];
  // A step that was sent again by hand may have started anew since: its end still knows its own attempt.
  const lastStartedAt = 'startedAt' in event ? event.startedAt : event.at;
  const durationMs = event.at - Math.min(step?.startedAt ?? lastStartedAt, lastStartedAt);
  const slowAfter = step?.plan.definition.slowAfter;
  const isSlow = isCompleted && slowAfter !== undefined && durationMs > slowAfter * 1000;
  return { stepId, isCompleted, durationMs, slowAfterMs: isSlow ? slowAfter * 1000 : null };
}
