import { definitionOf, definitionsOf, endingOf, isRunEnd, stepOf } from './events.ts';
import type { Evidence, LoggedRequest, ObservedRun } from './evidence.ts';

/** What handlers saw, held against the journals: I3, I4, and that what ended with an answer had been asked. */
export function* requestFaults({ requests, runs, clockSlackMs = 2000 }: Evidence): Generator<string> {
  const names = new Map<string, string>();
  for (const request of requests) {
    const name = nameOf(request);
    const before = names.get(request.webhookId) ?? name;
    if (before !== name) yield `I3 ${name}: webhook-id ${request.webhookId} is that of ${before}, too`;
    names.set(request.webhookId, name);
  }
  const byRun = groupBy(requests, (request) => request.runId);
  for (const run of runs) {
    const own = byRun.get(run.runId) ?? [];
    yield* identityFaults(run, own);
    yield* lateRequests(run, own, clockSlackMs);
    yield* answersFromNowhere(run, own);
    yield* earlyRequests(run, own, clockSlackMs);
    yield* repeatedSends(run, own);
  }
}

/** `Map.groupBy` of newer Nodes. */
function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

const nameOf = ({ runId, kind, step = '' }: LoggedRequest) => `${runId}: ${kind} ${step}`;

/** A delivery has one id; another round is another delivery. */
function* identityFaults({ journal }: ObservedRun, requests: readonly LoggedRequest[]): Generator<string> {
  const rounds = 1 + journal.filter(({ event }) => /^run\.(retrying|reopened)$/.test(event.type)).length;
  for (const [name, sent] of groupBy(requests, nameOf)) {
    const ids = new Set(sent.map((request) => request.webhookId));
    if (ids.size > rounds) yield `I3 ${name} had ${ids.size} webhook-ids in ${rounds} round(s)`;
    // That of an earlier round goes on beside the present one.
    if (sent[0]!.kind === 'hook') continue;
    const left = new Set<string>();
    let current = '';
    // As they were sent: on their way they may overtake each other.
    for (const { attempt, webhookId } of [...sent].sort((a, b) => a.atMs - b.atMs)) {
      if (!(attempt >= 1)) yield `I3 ${name} was sent as attempt ${attempt}`;
      if (webhookId === current) continue;
      left.add(current);
      current = webhookId;
      if (left.has(webhookId))
        yield `I3 ${name} was sent as ${webhookId} again after another round had begun`;
    }
  }
}

interface Closed {
  readonly fromMs: number;
  untilMs: number;
}

/** Sent while the step, or the run, had ended. */
function* lateRequests(
  { journal }: ObservedRun,
  requests: readonly LoggedRequest[],
  slackMs: number,
): Generator<string> {
  const closed = new Map<string, Closed[]>();
  const close = (name: string, atMs: number) => {
    const spans = closed.get(name) ?? [];
    closed.set(name, [...spans, { fromMs: atMs, untilMs: Number.POSITIVE_INFINITY }]);
  };
  for (const { event } of journal) {
    if (isRunEnd(event)) close('run', event.at);
    if (endingOf(event) !== null) close(stepOf(event), event.at);
    if (event.type !== 'run.retrying' && event.type !== 'run.reopened') continue;
    for (const span of [...closed.values()].flat()) span.untilMs = Math.min(span.untilMs, event.at);
  }
  for (const request of requests) {
    if (request.kind === 'hook') continue;
    const own = request.kind === 'step' ? (closed.get(request.step ?? '') ?? []) : [];
    const isLate = [...own, ...(closed.get('run') ?? [])].some(
      ({ fromMs, untilMs }) => request.atMs > fromMs + slackMs && request.atMs < untilMs - slackMs,
    );
    if (isLate) yield `I4 ${nameOf(request)} was sent (attempt ${request.attempt}) after its end`;
  }
}

/** What is sent rests on facts that are durable: the results above a step, the end of the run behind a hook. */
function* earlyRequests(
  run: ObservedRun,
  requests: readonly LoggedRequest[],
  slackMs: number,
): Generator<string> {
  const firstAt = new Map<string, number>();
  for (const { event } of run.journal) {
    const name = isRunEnd(event) || event.type === 'run.compensating' ? event.type : stepOf(event);
    const isEnd = name === event.type || endingOf(event) !== null;
    if (isEnd && !firstAt.has(name)) firstAt.set(name, event.at);
  }
  const ends = ['run.completed', 'run.failed', 'run.cancelled', 'run.quarantined'];
  const endedAt = Math.min(...ends.map((type) => firstAt.get(type) ?? Number.POSITIVE_INFINITY));
  const compensatingAt = firstAt.get('run.compensating') ?? Number.POSITIVE_INFINITY;
  const definitions = definitionsOf(run);
  const isRepeated = run.journal.some(({ event }) => /^run\.(retrying|reopened)$/.test(event.type));
  for (const request of requests) {
    const latest = request.atMs + slackMs;
    if (request.kind === 'hook' && endedAt > latest)
      yield `I2 ${nameOf(request)} was sent before the run ended`;
    if (request.kind === 'compensation' && compensatingAt > latest) {
      yield `I5 ${nameOf(request)} was sent before the run compensated`;
    }
    if (request.kind !== 'step') continue;
    const step = definitionOf(definitions, request.step ?? '');
    // Other conditions do not wait for all of them, and what was skipped may complete in another round.
    const waitsForAll = !isRepeated && step?.join === undefined && step?.runCondition !== 'inProgress';
    const early = waitsForAll ? step?.dependsOn.find((id) => (firstAt.get(id) ?? 0) > latest) : undefined;
    if (early !== undefined) yield `I2 ${nameOf(request)} was sent before the end of ${early} was recorded`;
  }
}

/** An answer that is recorded was given to a request. */
function* answersFromNowhere(
  { runId, journal }: ObservedRun,
  requests: readonly LoggedRequest[],
): Generator<string> {
  const sent = new Set(requests.map(({ kind, step = '', attempt }) => `${kind} ${step} ${attempt}`));
  for (const { event } of journal) {
    if (!/^(step|compensation)\.completed$|^hook\.delivered$/.test(event.type)) continue;
    if (!('attempt' in event) || isOfChild(journal, event)) continue;
    const name = `${event.delivery} ${stepOf(event)}`;
    // A callback may answer an earlier attempt than the newest.
    const answered = ('callback' in event && event.callback) || event.attempt;
    if (!sent.has(`${name} ${answered}`)) {
      yield `I2 ${runId}: ${name} completed with attempt ${answered}, which nobody was sent`;
    }
  }
}

function isOfChild(
  journal: ObservedRun['journal'],
  { step }: { readonly step?: string | undefined },
): boolean {
  return journal.some(({ event }) => event.type === 'child.started' && event.step === step);
}

/** Of `delivery: "at-most-once"`. */
function* repeatedSends(run: ObservedRun, requests: readonly LoggedRequest[]): Generator<string> {
  const definitions = definitionsOf(run);
  const steps = requests.filter(({ kind }) => kind === 'step');
  for (const [id, sent] of groupBy(steps, (request) => request.webhookId)) {
    const { step = '' } = sent[0]!;
    if (definitionOf(definitions, step)?.delivery !== 'at-most-once' || sent.length === 1) continue;
    yield `I3 ${run.runId}: step ${step} is at-most-once and was sent ${sent.length} times as ${id}`;
  }
}
