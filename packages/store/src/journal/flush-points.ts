import type { RunEvent, RunEventType } from '@waybill/engine';
import { type FlushKind, failpoint, isAnyFailpointArmed } from '../failpoints.ts';
import type { NumberedEntry } from './batch.ts';
import type { JournalEntry } from './entry.ts';

const kindsByType: Partial<Record<RunEventType, FlushKind>> = {
  'run.created': 'start',
  'run.started': 'begin',
  'attempt.started': 'attempt',
  'attempt.failed': 'retry',
  'attempt.pending': 'pending',
  'step.completed': 'step',
  'step.failed': 'step',
  'step.began': 'wait',
  'wait.over': 'wait',
  'signal.taken': 'wait',
  'child.started': 'child',
  'command.applied': 'command',
  'command.refused': 'command',
  'run.reopened': 'reopen',
  'compensation.completed': 'compensation',
  'compensation.failed': 'compensation',
  'run.completed': 'end',
  'run.failed': 'end',
  'run.cancelled': 'end',
  'run.quarantined': 'end',
  'hook.delivered': 'hook',
  'hook.failed': 'hook',
};

const kindOf = ({ type }: RunEvent) => kindsByType[type];

function kindsOf({ events, queue, posts = [] }: JournalEntry): (FlushKind | undefined)[] {
  const isParked = queue !== undefined && queue.parkedUntilMs !== null;
  return [
    ...events.map(kindOf),
    ...(isParked ? (['park'] as const) : []),
    ...(posts.length > 0 ? (['post'] as const) : []),
  ];
}

/** Failpoints of a flush: one for each kind of what it carries. */
export function reach(moment: 'before' | 'after', batch: readonly NumberedEntry[]): void {
  if (!isAnyFailpointArmed()) return;
  const kinds = new Set(batch.flatMap(({ entry }) => kindsOf(entry)));
  for (const kind of kinds) if (kind !== undefined) failpoint(`flush.${moment}.${kind}`);
}
