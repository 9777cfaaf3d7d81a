import type { RunEvent, StepDefinition } from '@waybill/engine';
import type { ObservedRun } from './evidence.ts';

export type Ending = 'completed' | 'failed' | 'skipped';

/** How an event ends its step; null when it does not. */
export function endingOf(event: RunEvent): Ending | null {
  switch (event.type) {
    case 'step.completed':
    case 'step.passed':
    case 'wait.over':
    case 'signal.taken':
      return 'completed';
    case 'step.failed':
    case 'step.given_up':
    case 'step.faulted':
      return 'failed';
    case 'step.gathered':
      return event.error ? 'failed' : 'completed';
    case 'step.skipped':
    case 'step.declined':
      return 'skipped';
    case 'step.copied':
      if (event.skipped) return 'skipped';
      return event.error ? 'failed' : 'completed';
    default:
      return null;
  }
}

const runEnds: ReadonlySet<string> = new Set([
  'run.completed',
  'run.failed',
  'run.cancelled',
  'run.quarantined',
]);

export function isRunEnd({ type }: RunEvent): boolean {
  return runEnds.has(type);
}

/** The step that an event is about. */
export function stepOf(event: RunEvent): string {
  return ('step' in event && event.step) || '';
}

/** Definitions by id, those of added steps too. */
export function definitionsOf({ definition, journal }: ObservedRun): Map<string, StepDefinition> {
  const steps = journal.flatMap(({ event }) => (event.type === 'steps.added' ? event.steps : []));
  return new Map([...definition.steps, ...steps].map((step) => [step.id, step]));
}

/** The definition of a step, for an instance that of its `forEach`. */
export function definitionOf(
  definitions: ReadonlyMap<string, StepDefinition>,
  id: string,
): StepDefinition | undefined {
  return definitions.get(id) ?? definitions.get(id.replace(/\[\d+\]$/, ''));
}
