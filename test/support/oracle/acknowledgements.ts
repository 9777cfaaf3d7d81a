import type { RunEvent } from '@waybill/engine';
import { definitionOf, definitionsOf, stepOf } from './events.ts';
import type { Acknowledgement, Evidence, LoggedRequest, ObservedRun, StoredCallback } from './evidence.ts';

/** I1, and what I6 says of answers: who was told that something has happened finds it in the journal. */
export function* acknowledgementFaults(evidence: Evidence): Generator<string> {
  const { acknowledgements, runs, storedCallbacks = [], clockSlackMs = 2000 } = evidence;
  const byId = new Map(runs.map((run) => [run.runId, run]));
  for (const acknowledged of acknowledgements) {
    const run = byId.get(acknowledged.runId);
    if (run?.journal[0]?.event.type !== 'run.created') {
      yield `I1 ${acknowledged.runId}: ${acknowledged.kind} was acknowledged and the run is not there`;
      continue;
    }
    if (acknowledged.kind === 'command') yield* commandFaults(run, acknowledged);
    if (acknowledged.kind === 'callback') yield* callbackFaults(run, acknowledged, evidence.requests);
  }
  for (const run of runs) yield* repeatedAnswers(run);
  for (const stored of storedCallbacks) {
    const run = byId.get(stored.runId);
    if (run) yield* beatenCallbacks(run, stored, clockSlackMs);
  }
}

/** One that is stored before the deadline beats it. */
function* beatenCallbacks(
  run: ObservedRun,
  { step, attempt, atMs }: StoredCallback,
  slackMs: number,
): Generator<string> {
  const { runId, journal } = run;
  const timedOut = journal.find(({ event }) => isTimeoutOf(event, step, attempt))?.event;
  if (timedOut === undefined || !('startedAt' in timedOut)) return;
  const definition = definitionOf(definitionsOf(run), step);
  // Its attempts end with the time that all of them have.
  if (!definition || definition.retries.giveUpAfter !== undefined) return;
  const { timeout } = definition;
  let deadlineMs = timedOut.startedAt! + timeout * 1000;
  let isPending = false;
  for (const { event } of journal) {
    if (!('attempt' in event) || event.attempt !== attempt || event.step !== step) continue;
    isPending ||= event.type === 'attempt.pending';
    // Before the 202 the exchange has a deadline of its own.
    if (isPending && 'until' in event) deadlineMs = event.until;
  }
  if (atMs + slackMs > deadlineMs) return;
  const earlyMs = Math.round(deadlineMs - atMs);
  yield `I6 ${runId}: ${step}, attempt ${attempt}, timed out though its callback was stored ${earlyMs} ms before`;
}

function isTimeoutOf(event: RunEvent, step: string, attempt: number): boolean {
  if (event.type !== 'attempt.failed' && event.type !== 'step.failed') return false;
  if (event.delivery !== 'step' || event.step !== step || event.attempt !== attempt) return false;
  return event.error.code === 'timeout' && event.callback === undefined;
}

function* commandFaults(
  { runId, journal }: ObservedRun,
  { commandId, outcome }: Extract<Acknowledgement, { kind: 'command' }>,
): Generator<string> {
  const isRecorded = journal.some(
    ({ event }) =>
      event.type === `command.${outcome}` && 'commandId' in event && event.commandId === commandId,
  );
  if (!isRecorded)
    yield `I1 ${runId}: command ${commandId} was answered as ${outcome}, which is not recorded`;
}

function* callbackFaults(
  { runId, journal }: ObservedRun,
  { step, attempt, isSuccess, result }: Extract<Acknowledgement, { kind: 'callback' }>,
  requests: readonly LoggedRequest[],
): Generator<string> {
  const ended = journal.map(({ event }) => event).filter((event) => isEndBy(event, step, attempt));
  if (ended.length === 0) {
    yield `I6 ${runId}: a callback of ${step}, attempt ${attempt}, was accepted and nothing is recorded`;
    return;
  }
  // An attempt that was sent twice, its first owner having died, may be answered twice: the first answer counts.
  const sent = requests.filter(
    (request) => request.runId === runId && request.step === step && request.attempt === attempt,
  );
  const asAcknowledged = ended.some((event) => {
    if (!isSuccess) return event.type === 'attempt.failed' || event.type === 'step.failed';
    // What it brought may be refused, which fails the step.
    if (event.type === 'step.failed') return true;
    return (
      event.type === 'step.completed' && (result === undefined || event.result === result || sent.length > 1)
    );
  });
  if (!asAcknowledged)
    yield `I6 ${runId}: another callback of ${step}, attempt ${attempt}, is recorded than accepted`;
}

function isEndBy(event: RunEvent, step: string, attempt: number): boolean {
  return stepOf(event) === step && 'callback' in event && event.callback === attempt;
}

/** Each command has one answer, and each wait was ended by one callback. */
function* repeatedAnswers({ runId, journal }: ObservedRun): Generator<string> {
  const answered = new Set<string>();
  const ended = new Map<string, string>();
  for (const { event } of journal) {
    if (event.type === 'command.applied' || event.type === 'command.refused') {
      if (answered.has(event.commandId)) yield `I6 ${runId}: command ${event.commandId} is answered twice`;
      answered.add(event.commandId);
    }
    if (!('callback' in event) || event.callback === undefined || !('attempt' in event)) continue;
    const wait = `${event.step}, attempt ${event.attempt}`;
    const before = ended.get(wait);
    // After a failure that is to be tried again a success is still taken.
    const isMended = before === 'attempt.failed' && event.type === 'step.completed';
    if (before !== undefined && !isMended) yield `I6 ${runId}: two callbacks ended ${wait}`;
    ended.set(wait, event.type);
  }
}
