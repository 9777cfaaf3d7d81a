import type { Database } from './database.ts';
import { sqlState } from './errors.ts';
import { type IdempotencyClaim, insertKey } from './idempotency.ts';
import { behind, type ListPlace } from './list-place.ts';
import { integer, uuid } from './literals.ts';
import { divisionByZero, must } from './must.ts';

/** What a client says of a schedule. Times are epoch ms. */
export interface ScheduleSettings {
  readonly projectUuid: string;
  readonly key: string;
  readonly workflowKey: string;
  /** Null: the latest at each tick. */
  readonly version: number | null;
  /** Either `cron` and `timeZone`, or `everyMs`. */
  readonly cron: string | null;
  readonly timeZone: string | null;
  readonly everyMs: number | null;
  /** JSON text. */
  readonly context: string;
  /** Null: those of the workflow. */
  readonly tags: readonly string[] | null;
  /** JSON text of a flat object. */
  readonly metadata: string | null;
  readonly catchUp: string;
  readonly overlap: string;
}

/** A schedule as lists have it. */
export interface ListedSchedule extends Omit<ScheduleSettings, 'context'> {
  readonly uuid: string;
  readonly createdAtMs: number;
  readonly createdAtMicros: number;
  readonly updatedAtMs: number;
  readonly isPaused: boolean;
  /** Grows with every change by a client. */
  readonly revision: number;
  /** The first tick that nothing has been done about; null: there is none. */
  readonly nextAtMs: number | null;
  /** The newest tick that was started, and its run. */
  readonly lastAtMs: number | null;
  readonly lastRunUuid: string | null;
  /** JSON text of why the newest tick could not be started. */
  readonly lastError: string | null;
}

export type ScheduleRow = ListedSchedule & Pick<ScheduleSettings, 'context'>;

export interface NewSchedule {
  readonly uuid: string;
  readonly settings: ScheduleSettings;
  readonly nowMs: number;
  readonly nextAtMs: number | null;
}

const msOf = (column: string) => `(extract(epoch from ${column}) * 1000)::bigint`;

/** Of a schedule `s`, those of `ListedSchedule`. */
export const scheduleColumns = `
  s.id as uuid, s.project_id as "projectUuid", s.key, s.workflow_key as "workflowKey", s.version, s.cron,
  s.time_zone as "timeZone", s.every_ms as "everyMs", s.tags, s.metadata, s.catch_up as "catchUp", s.overlap,
  ${msOf('s.created_at')} as "createdAtMs", (extract(epoch from s.created_at) * 1000000)::float8 as "createdAtMicros",
  ${msOf('s.updated_at')} as "updatedAtMs", s.paused_at is not null as "isPaused", s.revision,
  s.next_at_ms as "nextAtMs", s.last_at_ms as "lastAtMs", s.last_run_id as "lastRunUuid",
  s.last_error as "lastError"`;

/** Of what a client sets, in the order of the values of `settingsOf`. */
const settingColumns = `
  workflow_key, version, cron, time_zone, every_ms, context, tags, metadata, catch_up, overlap`;

function settingsOf(sql: Database, settings: ScheduleSettings) {
  const { workflowKey, version, cron, timeZone, everyMs, context, tags, metadata, catchUp, overlap } =
    settings;
  return sql`
    ${workflowKey}, ${version}::int, ${cron}, ${timeZone}, ${everyMs}::bigint, ${context},
    ${tags as string[] | null}::text[], ${metadata}, ${catchUp}, ${overlap}`;
}

const timeOf = (sql: Database, ms: number) => sql`to_timestamp(${ms}::float8 / 1000)`;

/**
 * False: the project has one of this key, or `countMax` of others. Creations at the same time may get past that by as
 * many as they are.
 */
export async function addSchedule(sql: Database, schedule: NewSchedule, countMax: number): Promise<boolean> {
  const { uuid: id, nowMs, nextAtMs, settings } = schedule;
  const { projectUuid, key } = settings;
  const { count } = await sql`
    insert into schedules (id, project_id, key, created_at, updated_at, next_at_ms, ${sql.unsafe(settingColumns)})
    select ${id}::uuid, ${projectUuid}::uuid, ${key}, ${timeOf(sql, nowMs)}, ${timeOf(sql, nowMs)},
           ${nextAtMs}::bigint, ${settingsOf(sql, settings)}
     where (select count(*) from schedules where project_id = ${projectUuid}) < ${countMax}
    on conflict (project_id, key) do nothing`;
  return count > 0;
}

export type Replacement = NewSchedule & { readonly revision: number };

/** A paused one stays paused. False: it is not as it was at that revision any more, or gone. */
export async function replaceSchedule(sql: Database, schedule: Replacement): Promise<boolean> {
  const { uuid: id, revision, nowMs, nextAtMs, settings } = schedule;
  const { count } = await sql`
    update schedules set (${sql.unsafe(settingColumns)}) = row(${settingsOf(sql, settings)}),
           next_at_ms = ${nextAtMs}::bigint, updated_at = ${timeOf(sql, nowMs)}, revision = revision + 1,
           last_error = null
     where id = ${id} and revision = ${revision}`;
  return count > 0;
}

export interface PauseChange {
  readonly uuid: string;
  readonly revision: number;
  readonly isPaused: boolean;
  readonly nowMs: number;
  /** Of one that is resumed: its first tick from here on. */
  readonly nextAtMs: number | null;
}

/**
 * With `claim`, the same request again changes nothing, whatever has become of the schedule since: the key is written
 * in the same transaction. False: nothing was written, since the schedule is at another revision, or gone, or the key
 * was used already.
 */
export async function pauseOrResume(
  sql: Database,
  change: PauseChange,
  claim: IdempotencyClaim | null,
): Promise<boolean> {
  const { uuid: id, revision, isPaused, nowMs, nextAtMs } = change;
  const at = `to_timestamp(${integer(nowMs)} / 1000.0)`;
  const set = isPaused
    ? `paused_at = coalesce(paused_at, ${at})`
    : `paused_at = null,
       next_at_ms = case when paused_at is null then next_at_ms else ${integer(nextAtMs)}::bigint end`;
  const update = `update schedules set ${set}, updated_at = ${at}, revision = revision + 1
    where id = ${uuid(id)} and revision = ${integer(revision)} returning 1`;
  const writes = claim === null ? [update] : [insertKey(claim), update];
  try {
    await sql.unsafe(writes.map((write) => must(write, 1)).join(';'));
    return true;
  } catch (error) {
    if (sqlState(error) !== divisionByZero) throw error;
    return false;
  }
}

export async function deleteSchedule(sql: Database, project: string, key: string): Promise<boolean> {
  const { count } = await sql`delete from schedules where project_id = ${project} and key = ${key}`;
  return count > 0;
}

export async function findSchedule(sql: Database, project: string, key: string): Promise<ScheduleRow | null> {
  const [row] = await sql<ScheduleRow[]>`
    select ${sql.unsafe(scheduleColumns)}, s.context from schedules s
     where s.project_id = ${project} and s.key = ${key}`;
  return row ?? null;
}

/** Newest first, behind a place in the list. */
export function listSchedules(
  sql: Database,
  project: string,
  { after, limit }: { readonly after?: ListPlace | undefined; readonly limit: number },
): PromiseLike<ListedSchedule[]> {
  return sql<ListedSchedule[]>`
    select ${sql.unsafe(scheduleColumns)} from schedules s
     where s.project_id = ${project} and ${behind(sql, 's.created_at', 's.key', after)}
     order by s.created_at desc, s.key desc limit ${limit}`;
}
