import {
  encodeEvent,
  type JournalEntry,
  type NewChild,
  type NewRun,
  type NumberedEntry,
  suspectClaims,
} from '@waybill/store';
import { type ModelDatabase, ModelError, uniqueViolation } from './database.ts';

/** In a result: the database refuses the row. */
export const unstorable = 'unstorable!';

/** Statement by statement what `buildMessage` of the store sends, in its order. */
export function flush(
  database: ModelDatabase,
  batch: readonly NumberedEntry[],
  ownerUuid: string | null,
): void {
  if (ownerUuid !== null) database.fence(ownerUuid);
  const stale = staleWritesOf(database, batch, ownerUuid);
  const entries = batch.map(({ entry }) => entry);
  const overlooked = entries.flatMap((entry) => overlookedBy(database, entry));
  const misjudged = entries.filter((entry) => isMisjudged(database, entry)).map(({ run }) => run.uuid);
  for (const { run, create, bytes } of entries) {
    if (create)
      insertRun(database, {
        uuid: run.uuid,
        run: create,
        owner: ownerUuid,
        bytes: create.stateBytes ?? bytes,
      });
  }
  for (const { children } of entries) for (const child of children ?? []) insertChild(database, child);
  for (const { entry, firstSeq } of batch) insertEvents(database, entry, firstSeq);
  for (const endpoint of entries.flatMap(({ gone }) => gone ?? [])) {
    const name = `${endpoint.projectUuid} ${endpoint.url}`;
    if (!database.gone.has(name)) database.gone.set(name, endpoint);
  }
  for (const { run, change } of newestOf(entries, 'change')) updateRun(database, run.uuid, change!);
  if (ownerUuid !== null) {
    for (const { run, queue } of newestOf(entries, 'queue'))
      updateQueue(database, run.uuid, queue!, ownerUuid);
  }
  for (const { runUuid, id, command } of entries.flatMap(({ posts }) => posts ?? [])) {
    if (database.queue.has(runUuid)) database.insertCommand(runUuid, id, command);
  }
  for (const { run, consumed } of entries) {
    for (const id of consumed ?? []) database.deleteCommand(run.uuid, id);
  }
  if (ownerUuid !== null) {
    for (const { run, done } of entries) if (done) endRun(database, run.uuid, ownerUuid);
  }
  database.staleWrites.push(...stale);
  database.misjudged.push(...misjudged);
  database.overlooked.push(...overlooked);
}

/** So much the clocks may disagree where every message gets through, in ms. */
const clockSlackMs = 200;

/** Callbacks that would have ended what times out here, and have been in the inbox for long enough. */
function overlookedBy(database: ModelDatabase, { run, events }: JournalEntry): string[] {
  const rows = [...database.inboxOf(run.uuid).values()];
  return events.flatMap((event) => {
    if (event.type !== 'attempt.failed' && event.type !== 'step.failed') return [];
    if (!event.error.message.startsWith('no callback came')) return [];
    const overlooked = rows.filter(({ command, createdAtMs }) => {
      const posted = JSON.parse(command) as {
        type: string;
        step?: string;
        attempt?: number;
        outcome?: { kind: string };
      };
      const isMeant = posted.step === event.step && posted.attempt === event.attempt;
      const isSuccess = posted.type === 'callback' && posted.outcome?.kind === 'success';
      return isMeant && isSuccess && createdAtMs < event.at - clockSlackMs;
    });
    return overlooked.map(() => `${run.uuid}: ${event.step}`);
  });
}

/** Ended as one that kills its dispatchers, which have not died so often. */
function isMisjudged(database: ModelDatabase, { run, events }: JournalEntry): boolean {
  const claims = database.queue.get(run.uuid)?.claims ?? 0;
  return events.some(
    (event) =>
      event.type === 'run.quarantined' && event.error.code === 'dispatcher_killed' && claims <= suspectClaims,
  );
}

function staleWritesOf(database: ModelDatabase, batch: readonly NumberedEntry[], writer: string | null) {
  if (writer === null) return [];
  return batch.flatMap(({ entry: { run, create, events } }) => {
    const owner = database.queue.get(run.uuid)?.owner ?? null;
    const isCreated = create !== undefined || batch.some(({ entry }) => entry.create && entry.run === run);
    // Behind its end a run may still refuse commands, which changes nothing.
    const isAnswer = events.every(({ type }) => type.startsWith('command.'));
    return isAnswer || isCreated || owner === writer ? [] : [{ runUuid: run.uuid, writer, owner }];
  });
}

interface RunToInsert {
  readonly uuid: string;
  readonly run: NewRun;
  readonly owner: string | null;
  readonly bytes: number;
}

function insertRun(database: ModelDatabase, row: RunToInsert): void {
  if (database.runs.has(row.uuid)) throw uniqueViolation('runs', row.uuid);
  if (database.queue.has(row.uuid)) throw uniqueViolation('run_queue', row.uuid);
  putRun(database, row);
  putQueueRow(database, row);
}

function putRun(database: ModelDatabase, { uuid, run }: RunToInsert): void {
  const { stateBytes: _, startAtMs: __, ...columns } = run;
  const state = run.startedAtMs === null ? 'pending' : 'running';
  database.runs.set(uuid, { ...columns, uuid, state, tags: [...run.tags], finishedAtMs: null });
}

function putQueueRow(database: ModelDatabase, { uuid, run, owner, bytes }: RunToInsert): void {
  const { projectUuid } = run;
  const readyAtMs = run.startAtMs ?? database.nowMs();
  database.queue.set(uuid, { projectUuid, readyAtMs, owner, claims: 0, bytes });
}

const childBytes = 500;

/** Each of its rows is left alone where it is there. */
function insertChild(database: ModelDatabase, { uuid, run, event }: NewChild): void {
  const row = { uuid, run, owner: null, bytes: run.stateBytes ?? run.context.length + childBytes };
  if (!database.runs.has(uuid)) putRun(database, row);
  if (!database.queue.has(uuid)) putQueueRow(database, row);
  database.insertEvent(uuid, { seq: 1, ...encodeEvent(event) });
}

function insertEvents(database: ModelDatabase, { run, events }: JournalEntry, firstSeq: number): void {
  for (const [index, event] of events.entries()) {
    const row = { seq: firstSeq + index, ...encodeEvent(event) };
    if (row.result?.includes(unstorable)) throw new ModelError('22P05', 'untranslatable character');
    if (!database.insertEvent(run.uuid, row)) throw uniqueViolation('run_events', `${run.uuid}/${row.seq}`);
  }
}

function newestOf(entries: readonly JournalEntry[], member: 'change' | 'queue'): JournalEntry[] {
  const changed = entries.filter((entry) => entry[member] !== undefined);
  return [...new Map(changed.map((entry) => [entry.run.uuid, entry])).values()];
}

function updateRun(database: ModelDatabase, uuid: string, change: NonNullable<JournalEntry['change']>): void {
  const row = database.runs.get(uuid);
  if (row) database.runs.set(uuid, { ...row, ...change });
}

function updateQueue(
  database: ModelDatabase,
  uuid: string,
  { bytes, parkedUntilMs }: NonNullable<JournalEntry['queue']>,
  me: string,
): void {
  const row = database.queue.get(uuid);
  if (row?.owner === me && row.readyAtMs !== parkedUntilMs) {
    const parked = parkedUntilMs === null ? {} : { owner: null, readyAtMs: parkedUntilMs };
    database.queue.set(uuid, { ...row, bytes, claims: 0, ...parked });
  }
  const dispatcher = database.dispatchers.get(me);
  if (dispatcher?.suspect === uuid) database.dispatchers.set(me, { ...dispatcher, suspect: null });
}

function endRun(database: ModelDatabase, uuid: string, me: string): void {
  const commands = [...database.inboxOf(uuid)];
  for (const [id, { reopens }] of commands) if (!reopens) database.deleteCommand(uuid, id);
  const isReopened = commands.some(([, { reopens }]) => reopens);
  if (!isReopened && database.queue.get(uuid)?.owner === me) database.queue.delete(uuid);
}

/** How many events are there just so. */
export function countPresent(database: ModelDatabase, batch: readonly NumberedEntry[]): number {
  let present = 0;
  for (const { entry, firstSeq } of batch) {
    const rows = new Map(database.eventsOf(entry.run.uuid).map((row) => [row.seq, row]));
    for (const [index, event] of entry.events.entries()) {
      const row = { seq: firstSeq + index, ...encodeEvent(event) };
      if (JSON.stringify(rows.get(row.seq)) === JSON.stringify(row)) present++;
    }
  }
  return present;
}
