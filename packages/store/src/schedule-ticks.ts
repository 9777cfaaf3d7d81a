import type { Database } from './database.ts';
import { sqlState } from './errors.ts';
import type { InboxRow } from './inbox.ts';
import type { NewChild } from './journal/entry.ts';
import { childRows, insertEvents, insertRuns } from './journal/inserts.ts';
import { idBounds } from './journal/message.ts';
import { insertPosts } from './journal/posts.ts';
import { integer, text, uuid, uuidArray, valuesOf } from './literals.ts';
import { divisionByZero, must } from './must.ts';
import { type ScheduleRow, scheduleColumns } from './schedules.ts';

/** A schedule of which a tick is due. */
export type DueSchedule = Omit<ScheduleRow, 'nextAtMs'> & {
  readonly nextAtMs: number;
  /** To be run: its own, or the latest; null: the workflow is not there. */
  readonly runVersion: number | null;
};

export interface ScheduleLook {
  /** The database's clock, in epoch ms. */
  readonly nowMs: number;
  /** When the next tick of all schedules is due; it may be in the past. */
  readonly soonestMs: number | null;
}

/** What one look brings into memory. */
const dueBytesMax = 8 * 1024 * 1024;

const active = 'paused_at is null and next_at_ms is not null';
const nowMs = '(extract(epoch from clock_timestamp()) * 1000)::bigint';

export async function lookAtSchedules(sql: Database): Promise<ScheduleLook> {
  const [look] = await sql.unsafe<ScheduleLook[]>(`
    select ${nowMs} as "nowMs", (select min(next_at_ms) from schedules where ${active}) as "soonestMs"`);
  return look!;
}

export interface DueQuery {
  readonly nowMs: number;
  readonly limit: number;
  /** Projects whose schedules are to wait. */
  readonly without: readonly string[];
}

/** Those due last come first: schedules that have much to catch up with do not keep the others. */
export async function dueSchedules(
  sql: Database,
  { nowMs, limit, without }: DueQuery,
): Promise<DueSchedule[]> {
  const others = without.length === 0 ? '' : `and s.project_id <> all(${uuidArray(without)})`;
  return await sql.unsafe<DueSchedule[]>(`
    select ${scheduleColumns}, s.context, coalesce(s.version, w.latest_version) as "runVersion"
      from (select d.*, sum(octet_length(d.context)) over (order by d.next_at_ms desc, d.id
                          rows between unbounded preceding and 1 preceding) as bytes_before
              from (select s.* from schedules s
                     where ${active} and s.next_at_ms <= ${integer(nowMs)} ${others}
                     order by s.next_at_ms desc limit ${integer(limit)}) d) s
      left join workflows w on w.project_id = s.project_id and w.key = s.workflow_key
     where coalesce(s.bytes_before, 0) < ${dueBytesMax} order by s.next_at_ms desc, s.id`);
}

/** Which of these runs have not ended. */
export async function openRuns(sql: Database, runs: readonly string[]): Promise<Set<string>> {
  if (runs.length === 0) return new Set();
  const rows = await sql.unsafe<{ id: string }[]>(`
    select id from runs where id = any(${uuidArray(runs)}) and ${idBounds('id', runs)}
       and state not in ('completed', 'failed', 'cancelled')`);
  return new Set(rows.map(({ id }) => id));
}

/** A schedule goes from one tick to another, and starts the runs of those between. */
export interface ScheduleAdvance {
  /** As it was found. */
  readonly schedule: Pick<DueSchedule, 'uuid' | 'revision' | 'nextAtMs'>;
  readonly nextAtMs: number | null;
  /** The newest tick that was started; null: none was. */
  readonly last: { readonly atMs: number; readonly runUuid: string } | null;
  /** JSON text of why a tick could not be started; null takes an older one away, undefined leaves it. */
  readonly error: string | null | undefined;
  /** Their ids are derived from schedule and tick. */
  readonly runs: readonly NewChild[];
  /** Commands to runs that were started before. */
  readonly posts: readonly InboxRow[];
}

/**
 * All of it or nothing. False: nothing, since one of the schedules is not as it was found: somebody else was faster, or
 * a client has changed it. Where the answer is lost, the next look says what has become of it.
 */
export async function commitAdvances(sql: Database, advances: readonly ScheduleAdvance[]): Promise<boolean> {
  try {
    await sql.unsafe(advanceMessage(advances));
    return true;
  } catch (error) {
    if (sqlState(error) !== divisionByZero) throw error;
    return false;
  }
}

/** One message, which PostgreSQL runs as one implicit transaction. */
function advanceMessage(advances: readonly ScheduleAdvance[]): string {
  const ids = uuidArray(advances.map(({ schedule }) => schedule.uuid));
  // In one order for everybody: two that advance the same schedules would otherwise wait for each other.
  const statements = [`select from schedules where id = any(${ids}) order by id for update`];
  statements.push(must(moveSchedules(advances), advances.length));
  const { runs, events } = childRows(advances.flatMap(({ runs }) => runs));
  if (runs.length > 0) {
    // A tick that a client's change has brought back had its run already.
    const inserts = [...insertRuns(runs), insertEvents(events)];
    statements.push(...inserts.map((insert) => `${insert} on conflict do nothing`));
  }
  const posts = advances.flatMap(({ posts }) => posts);
  if (posts.length > 0) statements.push(insertPosts(posts));
  return statements.join(';');
}

function moveSchedules(advances: readonly ScheduleAdvance[]): string {
  const values = valuesOf(advances, ({ schedule, nextAtMs, last, error }) => [
    uuid(schedule.uuid),
    integer(schedule.revision),
    `${integer(schedule.nextAtMs)}::bigint`,
    `${integer(nextAtMs)}::bigint`,
    `${integer(last?.atMs ?? null)}::bigint`,
    last === null ? 'null::uuid' : uuid(last.runUuid),
    String(error !== undefined),
    text(error ?? null),
  ]);
  return `update schedules s set next_at_ms = u.next_at, last_at_ms = coalesce(u.last_at, s.last_at_ms),
        last_run_id = coalesce(u.last_run, s.last_run_id),
        last_error = case when u.has_error then u.error else s.last_error end
      from (${values}) as u (id, revision, tick, next_at, last_at, last_run, has_error, error)
     where s.id = u.id and s.revision = u.revision and s.next_at_ms = u.tick and s.paused_at is null returning 1`;
}
