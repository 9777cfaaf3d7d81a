import { definitionOf, definitionsOf, endingOf, stepOf } from './events.ts';
import type { ObservedRun } from './evidence.ts';

/** I5: of a saga that failed, what had completed was undone, once each, last first. */
export function* compensationFaults(run: ObservedRun): Generator<string> {
  const { runId, journal, definition, status } = run;
  const events = journal.map(({ event }) => event);
  const undone = events
    .filter(({ type }) => /^compensation\.(completed|failed|given_up)$/.test(type))
    .map(stepOf);
  if (!['completed', 'failed', 'cancelled'].includes(status.state)) return;
  const lastRound = events.slice(events.findLastIndex(({ type }) => type === 'run.reopened') + 1);
  const isKept = lastRound.some((event) => event.type === 'run.cancelling' && !event.compensate);
  const mayUndo = definition.saga && status.state !== 'completed' && !isKept;
  const expected = mayUndo ? compensableOf(run).reverse() : [];
  // A quarantine cuts the compensations short; what was undone until then must still be in order.
  const isCutShort = lastRound.some(({ type }) => type === 'run.quarantined');
  const wanted = isCutShort ? expected.slice(0, undone.length) : expected;
  if (wanted.join() === undone.join()) return;
  yield `I5 ${runId}: compensated ${undone.join(', ') || 'nothing'}; expected ${wanted.join(', ') || 'nothing'}`;
}

/** In order of completion. */
function compensableOf(run: ObservedRun): string[] {
  const definitions = definitionsOf(run);
  return run.journal.flatMap(({ event }) => {
    if (endingOf(event) !== 'completed') return [];
    const id = stepOf(event);
    // A `forEach` is compensated by its instances.
    const isGroup = definitions.get(id)?.forEach !== undefined;
    return !isGroup && definitionOf(definitions, id)?.compensation !== undefined ? [id] : [];
  });
}
