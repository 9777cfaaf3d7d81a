import { endingOf, isRunEnd, stepOf } from './events.ts';
import type { Evidence, ObservedRun } from './evidence.ts';

const settleMsDefault = 30_000;
const terminal = ['completed', 'failed', 'cancelled'];
const ended = ['completed', 'failed', 'skipped', 'cancelled'];

/** I8, and the other half of I2: what should have a terminal record has one. */
export function* settlementFaults(run: ObservedRun, evidence: Evidence): Generator<string> {
  const { runId, status, queueRow, inboxRows, journal } = run;
  const { lastFaultAtMs, observedAtMs, settleMsMax = settleMsDefault } = evidence;
  if (!terminal.includes(status.state) || status.phase !== 'done') {
    const waited = observedAtMs - lastFaultAtMs;
    if (waited > settleMsMax)
      yield `I8 ${runId}: ${status.state}, ${status.phase}, ${waited} ms after the last fault`;
    return;
  }
  const endedAtMs = journal.at(-1)?.event.at ?? 0;
  if (endedAtMs > lastFaultAtMs + settleMsMax) {
    yield `I8 ${runId}: its last event came ${endedAtMs - lastFaultAtMs} ms after the last fault`;
  }
  if (queueRow !== null) yield `I8 ${runId}: done, and still in the queue (owner ${queueRow.owner})`;
  if (inboxRows > 0) yield `I8 ${runId}: done, with ${inboxRows} row(s) in its inbox`;
  for (const step of status.steps) {
    if (!ended.includes(step.state))
      yield `I2 ${runId}: ${step.id} is ${step.state} in a run that is ${status.state}`;
  }
  yield* endFaults(run);
  yield* lateWakes(run, evidence);
}

/** How late a time may be noticed once all is well. */
const noticeMsMax = 30_000;

/** A sleep, a wait, or a callback's time that was over long before anybody took notice; likewise the end of a child. */
function* lateWakes({ runId, journal }: ObservedRun, { lastFaultAtMs, runs }: Evidence): Generator<string> {
  const due = new Map<string, Due>();
  const faultOf = (step: string, atMs: number, { untilMs }: Due) => {
    const lateMs = atMs - Math.max(untilMs, lastFaultAtMs);
    const isLate = lateMs > noticeMsMax;
    return isLate ? [`I8 ${runId}: what ${step} waited for was noticed ${lateMs} ms late`] : [];
  };
  let isFailing = false;
  for (const { event } of journal) {
    const step = stepOf(event);
    const own = due.get(step);
    isFailing = event.type !== 'run.reopened' && (isFailing || endingOf(event) === 'failed');
    if (own !== undefined && (endingOf(event) !== null || event.type === 'attempt.failed')) {
      yield* faultOf(step, event.at, own);
      due.delete(step);
    }
    if ('until' in event && event.until !== undefined)
      due.set(step, { untilMs: event.until, isChild: false });
    if (event.type === 'child.started') due.set(step, { untilMs: endOf(event.child, runs), isChild: true });
    if (!isRunEnd(event) && event.type !== 'run.timed_out' && event.type !== 'run.cancelling') continue;
    // In a run that fails others may have been cut off long before, of which no event tells.
    const isWhole = event.type === 'run.timed_out' && !isFailing;
    for (const [waiting, of] of due) if (of.isChild || isWhole) yield* faultOf(waiting, event.at, of);
    due.clear();
  }
}

interface Due {
  readonly untilMs: number;
  readonly isChild: boolean;
}

function endOf(runId: string, runs: readonly ObservedRun[]): number {
  const child = runs.find((run) => run.runId === runId);
  return child?.journal.findLast(({ event }) => isRunEnd(event))?.event.at ?? Number.POSITIVE_INFINITY;
}

/** One end of the run a round, and one hook behind each if there is a URL for it. */
function* endFaults({ runId, definition, journal }: ObservedRun): Generator<string> {
  const events = journal.map(({ event }) => event);
  const last = events.slice(events.findLastIndex(({ type }) => type === 'run.reopened') + 1);
  const ends = last.filter(isRunEnd);
  if (ends.length !== 1) yield `I2 ${runId}: ${ends.length} ends in the last round`;
  const countOf = (...types: string[]) => events.filter(({ type }) => types.includes(type)).length;
  const completed = definition.onComplete === undefined ? 0 : countOf('run.completed');
  const others = countOf('run.failed', 'run.cancelled', 'run.quarantined');
  const wanted = completed + (definition.onError === undefined ? 0 : others) + countOf('hook.reopened');
  const hooks = countOf('hook.delivered', 'hook.failed');
  if (hooks !== wanted) yield `I2 ${runId}: ${hooks} hooks have ended; expected ${wanted}`;
}
