import { encodeEvent } from '../event-codec.ts';
import { intArray, textArray, uuid, uuidArray } from '../literals.ts';
import type { JournalEntry, NewRun, RunChange } from './entry.ts';

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

/** Must fail the transaction, not report: the division by zero does when the lease is gone or expired. */
export function fence(ownerUuid: string): string {
  return `with me as materialized (select 1 from dispatchers where id = ${uuid(ownerUuid)}
    and expires_at > clock_timestamp() for key share) select 1 / (select count(*) from me)`;
}

function insertRuns(entries: readonly JournalEntry[], ownerUuid: string | null): string[] {
  const column = <T>(get: (run: NewRun) => T) => entries.map((entry) => get(entry.create!));
  const ids = uuidArray(entries.map((entry) => entry.run.uuid));
  const projects = uuidArray(column((run) => run.projectUuid));
  const runs = `insert into runs (id, project_id, workflow_key, version, state, context, tags, metadata,
      created_at_ms, started_at_ms)
    select id, project_id, workflow_key, version, state, context, tags::text[], metadata, created, started
      from unnest(${ids}, ${projects}, ${textArray(column((run) => run.workflowKey))},
        ${intArray(
          column((run) => run.version),
          'int',
        )},
        ${textArray(column((run) => (run.startedAtMs === null ? 'pending' : 'running')))},
        ${textArray(column((run) => run.context))}, ${textArray(column((run) => tagsLiteral(run.tags)))},
        ${textArray(column((run) => run.metadata))}, ${intArray(
          column((run) => run.createdAtMs),
          'bigint',
        )},
        ${intArray(
          column((run) => run.startedAtMs),
          'bigint',
        )})
      as u (id, project_id, workflow_key, version, state, context, tags, metadata, created, started)`;
  const owner = ownerUuid === null ? 'null::uuid' : uuid(ownerUuid);
  const queue = `insert into run_queue (run_id, project_id, ready_at, owner, bytes)
    select id, project_id, now(), ${owner}, bytes
      from unnest(${ids}, ${projects}, ${intArray(
        entries.map((entry) => entry.bytes),
        'bigint',
      )})
      as u (id, project_id, bytes)`;
  return [runs, queue];
}

/** A text[] in the array syntax of its text form, because unnest takes no arrays of unequal length. */
function tagsLiteral(tags: readonly string[]): string {
  return `{${tags.map((tag) => `"${tag.replace(/[\\"]/g, '\\$&')}"`).join(',')}}`;
}

function insertEvents(batch: readonly NumberedEntry[]): string {
  const runs: string[] = [];
  const seqs: number[] = [];
  const types: string[] = [];
  const steps: (string | null)[] = [];
  const times: number[] = [];
  const data: (string | null)[] = [];
  const results: (string | null)[] = [];
  for (const { entry, firstSeq } of batch) {
    for (let i = 0; i < entry.events.length; i++) {
      const columns = encodeEvent(entry.events[i]!);
      runs.push(entry.run.uuid);
      seqs.push(firstSeq + i);
      types.push(columns.type);
      steps.push(columns.step);
      times.push(columns.atMs);
      data.push(columns.data);
      results.push(columns.result);
    }
  }
  return `insert into run_events (run_id, seq, type, step, at_ms, data, result)
    select * from unnest(${uuidArray(runs)}, ${intArray(seqs, 'int')}, ${textArray(types)},
      ${textArray(steps)}, ${intArray(times, 'bigint')}, ${textArray(data)}, ${textArray(results)})`;
}

function updateRuns(entries: readonly JournalEntry[]): string {
  const ids = entries.map((entry) => entry.run.uuid);
  const column = <T>(get: (change: RunChange) => T) => entries.map((entry) => get(entry.change!));
  return `update runs r set state = u.state, started_at_ms = u.started, finished_at_ms = u.finished
      from unnest(${uuidArray(ids)}, ${textArray(column((change) => change.state))},
        ${intArray(
          column((change) => change.startedAtMs),
          'bigint',
        )},
        ${intArray(
          column((change) => change.finishedAtMs),
          'bigint',
        )}) as u (id, state, started, finished)
     where r.id = u.id and ${idBounds('r.id', ids)}`;
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
  const rows = entries.flatMap((entry) => entry.consumed!.map((id) => [entry.run.uuid, id] as const));
  return `delete from inbox i using unnest(${uuidArray(rows.map(([run]) => run))},
      ${uuidArray(rows.map(([, id]) => id))}) as u (run_id, id) where i.run_id = u.run_id and i.id = u.id`;
}
