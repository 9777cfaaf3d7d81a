import { encodeEvent } from '../event-codec.ts';
import { integer, text, textArray, uuid, uuidArray, valuesOf } from '../literals.ts';
import type { JournalEntry } from './entry.ts';

/** An entry with the seq of its first event, given once: a batch sent again carries the same rows. */
export interface NumberedEntry {
  readonly entry: JournalEntry;
  readonly firstSeq: number;
}

export interface MessageOptions {
  /** The dispatcher whose lease fences the transaction and who owns new runs; null in the api. */
  readonly ownerUuid: string | null;
}

/**
 * One simple-protocol message for a batch: the fence, then the statements, no BEGIN or COMMIT. PostgreSQL
 * runs it as one implicit transaction, and it needs no prepared statements, so it works behind PgBouncer.
 */
export function buildMessage(batch: readonly NumberedEntry[], { ownerUuid }: MessageOptions): string {
  const statements: string[] = [];
  if (ownerUuid !== null) statements.push(fence(ownerUuid));
  const entries = batch.map(({ entry }) => entry);
  const created = entries.filter((entry) => entry.create !== undefined);
  if (created.length > 0) statements.push(...insertRuns(created, ownerUuid));
  statements.push(insertEvents(batch));
  const changed = entries.filter((entry) => entry.change !== undefined);
  if (changed.length > 0) statements.push(updateRuns(changed));
  const done = entries.filter((entry) => entry.done).map((entry) => entry.run.uuid);
  if (done.length > 0 && ownerUuid !== null) statements.push(...deleteQueueRows(done, ownerUuid));
  const consumed = entries.filter((entry) => entry.consumed && !entry.done);
  if (consumed.length > 0) statements.push(deleteInboxRows(consumed));
  return statements.join(';');
}

/** Counts the entries whose rows are there: all of a batch or none, unless some are another writer's. */
export function presenceMessage(batch: readonly NumberedEntry[]): string {
  const firsts = valuesOf(batch, ({ entry, firstSeq }) => [uuid(entry.run.uuid), integer(firstSeq)]);
  const ids = batch.map(({ entry }) => entry.run.uuid);
  return `select count(*)::int as present from run_events
     where (run_id, seq) in (${firsts}) and ${idBounds('run_id', ids)}`;
}

/** Must fail the transaction, not report: the division by zero does when the lease is gone or expired. */
export function fence(ownerUuid: string): string {
  return `select 1 / count(*) from (select from dispatchers where id = ${uuid(ownerUuid)}
    and expires_at > clock_timestamp() for key share) me`;
}

function insertRuns(entries: readonly JournalEntry[], ownerUuid: string | null): string[] {
  const runs = valuesOf(entries, ({ run, create }) => [
    uuid(run.uuid),
    uuid(create!.projectUuid),
    text(create!.workflowKey),
    integer(create!.version),
    create!.startedAtMs === null ? "'pending'" : "'running'",
    text(create!.context),
    textArray(create!.tags),
    text(create!.metadata),
    integer(create!.createdAtMs),
    integer(create!.startedAtMs),
  ]);
  const owner = ownerUuid === null ? 'null' : uuid(ownerUuid);
  const queue = valuesOf(entries, ({ run, create, bytes }) => [
    uuid(run.uuid),
    uuid(create!.projectUuid),
    'now()',
    owner,
    integer(bytes),
  ]);
  return [
    `insert into runs (id, project_id, workflow_key, version, state, context, tags, metadata,
      created_at_ms, started_at_ms) ${runs}`,
    `insert into run_queue (run_id, project_id, ready_at, owner, bytes) ${queue}`,
  ];
}

function insertEvents(batch: readonly NumberedEntry[]): string {
  const rows = batch.flatMap(({ entry: { run, events }, firstSeq }) =>
    events.map((event, index) => ({ runUuid: run.uuid, seq: firstSeq + index, ...encodeEvent(event) })),
  );
  const values = valuesOf(rows, (row) => [
    uuid(row.runUuid),
    integer(row.seq),
    text(row.type),
    text(row.step),
    integer(row.atMs),
    text(row.data),
    text(row.result),
  ]);
  return `insert into run_events (run_id, seq, type, step, at_ms, data, result) ${values}`;
}

function updateRuns(entries: readonly JournalEntry[]): string {
  // Of two source rows for one run, UPDATE takes any: only the newest change may be among them.
  const newest = new Map(entries.map((entry) => [entry.run, entry]));
  const values = valuesOf([...newest.values()], ({ run, change }) => [
    uuid(run.uuid),
    text(change!.state),
    `${integer(change!.startedAtMs)}::bigint`,
    `${integer(change!.finishedAtMs)}::bigint`,
  ]);
  const ids = entries.map((entry) => entry.run.uuid);
  return `update runs r set state = u.state, started_at_ms = u.started, finished_at_ms = u.finished
      from (${values}) as u (id, state, started, finished) where r.id = u.id and ${idBounds('r.id', ids)}`;
}

/** Literal bounds let the planner leave out the partitions that hold none of the ids. */
export function idBounds(column: string, ids: readonly string[]): string {
  let least = ids[0]!;
  let greatest = ids[0]!;
  for (const id of ids) {
    if (id < least) least = id;
    if (id > greatest) greatest = id;
  }
  return `${column} between ${uuid(least)} and ${uuid(greatest)}`;
}

/** Inbox rows go in a later statement than the queue row: the api's row lock orders the two. */
function deleteQueueRows(ids: readonly string[], ownerUuid: string): string[] {
  const sorted = uuidArray([...ids].sort());
  return [
    `delete from run_queue where run_id = any(${sorted}) and owner = ${uuid(ownerUuid)}`,
    `delete from inbox where run_id = any(${sorted})`,
  ];
}

function deleteInboxRows(entries: readonly JournalEntry[]): string {
  const rows = entries.flatMap(({ run, consumed }) => consumed!.map((id) => ({ runUuid: run.uuid, id })));
  const values = valuesOf(rows, ({ runUuid, id }) => [uuid(runUuid), uuid(id)]);
  return `delete from inbox i using (${values}) as u (run_id, id) where i.run_id = u.run_id and i.id = u.id`;
}
