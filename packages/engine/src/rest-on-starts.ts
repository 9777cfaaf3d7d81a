import type { RunEvent, RunEventType } from './events.ts';

/**
 * Starts of attempts may be left out of the journal, since their ends repeat them. These events treat what was sent
 * unlike what was not, as does any event with which a run begins to end: starts kept back go before them.
 */
const types: ReadonlySet<RunEventType> = new Set<RunEventType>([
  'step.failed',
  'step.faulted',
  'step.given_up',
  'step.skipped',
  'step.passed',
  'steps.added',
  'run.timed_out',
  'run.cancelling',
  'run.quarantined',
  'run.reopened',
]);

export function restOnStarts(events: readonly RunEvent[]): boolean {
  return events.some(({ type }) => types.has(type));
}
