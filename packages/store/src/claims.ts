import { commandKeysMax, isFree } from './by-key.ts';
import type { ClaimMark, QueueLook } from './claim-marks.ts';
import type { Database } from './database.ts';
import { fence } from './journal/message.ts';
import { integer, uuid, valuesOf } from './literals.ts';
import type { ClaimedRun } from './queue.ts';
import { recentSeconds } from './recency.ts';

/** Where a claim stops. It takes at least one run, however large. */
export interface ClaimRoom {
  readonly runs: number;
  readonly bytes: number;
  /** Whether to take a suspect, too, if there is one. */
  readonly suspect: boolean;
  /** What one project may have of the runs in memory: none keeps the others out. */
  readonly share?: ProjectShare | undefined;
  /** Inbox rows of the last 30 s alone wake a run. */
  readonly isInboxRecent?: boolean | undefined;
}

/** A claimed run, as its queue row has it. */
export interface ClaimedRow extends ClaimedRun {
  readonly project: string;
  /** Since when it was ready, or until when it was parked: epoch ms. */
  readonly readyAtMs: number;
}

export interface ProjectShare {
  readonly runsMax: number;
  /** Runs that are there already, by project. */
  readonly owned: ReadonlyMap<string, number>;
}

/**
 * Rescues without progress between them that make a run a suspect: its dispatchers may have died of it. One
 * more, and it is quarantined by whoever claims it, for which it need not be the only one.
 */
export const suspectClaims = 2;

const lowest = '00000000-0000-0000-0000-000000000000';
const highest = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/**
 * Claims runs that are free: first those with an inbox row, whatever the time they wait for, then those that are
 * ready, round-robin over projects. Each project's own partial index range is read from its oldest, or from its
 * mark, so a project with a million ready runs does not hide another's one. Projects without a mark are found in the
 * gaps between those that have one: the index entries of these are not walked. Of many projects that wait only so many
 * runs each are locked as may be claimed, and some more for those that have few. The first test is driven from the
 * inbox: as an `or` of the second it would read the whole queue.
 */
export function claimSql(
  me: string,
  room: Omit<ClaimRoom, 'suspect'>,
  marks: readonly ClaimMark[] = [],
): string {
  const count = integer(Math.max(1, Math.floor(room.runs)));
  const bytes = integer(Math.max(1, Math.floor(room.bytes)));
  const since = room.isInboxRecent ? `created_at > now() - ${recentSeconds} * interval '1 s'` : 'true';
  const inbox = `(select run_id from inbox where ${since} order by created_at limit ${commandKeysMax}) n`;
  const next = (from: string) => `(select q.project_id from run_queue q where q.owner is null
      and q.project_id > ${from}.project_id and q.project_id < ${from}.until order by q.project_id limit 1)`;
  return `with recursive known (project_id, since, most) as (${knownSql(room, marks)}),
    gap (project_id, until) as (${gapsSql(marks)}),
    unknown (project_id, until) as (
      select ${next('g')}, g.until from gap g
      union all
      select ${next('u')}, u.until from unknown u where u.project_id is not null),
    waiting as (
      select * from known
      union all
      select project_id, '-infinity', ${integer(room.share?.runsMax ?? null)}::int from unknown
       where project_id is not null),
    open as materialized (
      select w.*, count(*) over () as projects from waiting w cross join lateral (
        select from run_queue where owner is null and project_id = w.project_id and ready_at <= now()
           and ready_at >= w.since and claims <> ${suspectClaims} order by ready_at limit 1) o),
    woken as materialized (
      select q.run_id, q.bytes, 0::bigint as turn from (select distinct run_id from ${inbox}) i
       cross join lateral (
        select run_id, bytes from run_queue
         where run_id = i.run_id and ${isFree} and claims <> ${suspectClaims}
           for no key update skip locked) q
       limit ${count}),
    ready as materialized (
      select r.run_id, r.bytes, r.turn from open w cross join lateral (
        select l.run_id, l.bytes, row_number() over () as turn from (
          select run_id, bytes from run_queue
           where owner is null and project_id = w.project_id and ready_at <= now() and ready_at >= w.since
             and claims <> ${suspectClaims}
           order by ready_at limit least(${count}, w.most, greatest(1, 4 * ${count} / w.projects)) for no key update skip locked) l) r
       order by r.turn limit ${count}),
    -- A run may be in both.
    candidate as (
      select run_id, max(bytes) as bytes, min(turn) as turn
        from (select * from woken union all select * from ready) c group by run_id),
    picked as materialized (
      select run_id, turn = 0 as is_woken from (
        select run_id, turn, row_number() over line as place, sum(bytes) over line - bytes as bytes_before
          from candidate window line as (order by turn, run_id rows unbounded preceding)) l
       where place <= ${count} and bytes_before < ${bytes})
    update run_queue q set owner = ${uuid(me)} where run_id = any(array(select run_id from picked))
    returning ${claimedColumns}, run_id = any(array(select run_id from picked where is_woken)) as "isWoken"`;
}

const claimedColumns = `q.run_id as "runUuid", q.project_id as project, q.claims, q.bytes,
  floor(extract(epoch from q.ready_at) * 1000)::bigint as "readyAtMs"`;

function knownSql({ share }: Pick<ClaimRoom, 'share'>, marks: readonly ClaimMark[]): string {
  if (marks.length === 0) return 'select null::uuid, null::timestamptz, null::int where false';
  return valuesOf(marks, ({ project, sinceMs }) => {
    const most = share ? Math.max(0, share.runsMax - (share.owned.get(project) ?? 0)) : null;
    return [uuid(project), `to_timestamp(${sinceMs} / 1000.0)`, `${integer(most)}::int`];
  });
}

/** Bounds of what lies between the marks, neither included. */
function gapsSql(marks: readonly ClaimMark[]): string {
  const ends = [lowest, ...marks.map(({ project }) => project), highest];
  return valuesOf(ends.slice(1), (until) => [uuid(ends[ends.indexOf(until) - 1]!), uuid(until)]);
}

/** Claims one suspect and names it in the row of `me`: should `me` die, that is the one it died with. */
export function claimSuspectSql(me: string): string {
  return `with picked as materialized (
      select run_id from run_queue where owner is null and claims = ${suspectClaims}
       order by ready_at limit 1 for no key update skip locked),
    named as (update dispatchers set suspect_run_id = p.run_id from picked p where id = ${uuid(me)})
    update run_queue q set owner = ${uuid(me)} where run_id = any(array(select run_id from picked))
    returning ${claimedColumns}`;
}

/** @throws PostgresError 22012 when the lease of `me` is not valid. */
export async function claimRuns(
  sql: Database,
  me: string,
  room: ClaimRoom,
  marks: readonly ClaimMark[] = [],
): Promise<ClaimedRow[]> {
  const claims = [claimSql(me, room, marks), ...(room.suspect ? [claimSuspectSql(me)] : [])];
  const [, ...claimed] = await sql.unsafe([fence(me), ...claims].join(';'));
  return (claimed as unknown as ClaimedRow[][]).flat();
}

/** Reads the whole index of what is free, also what lies below the marks. Locks nothing. */
export const lookSql = `with recursive waiting (project_id) as (
    (select project_id from run_queue where owner is null order by project_id limit 1)
    union all
    select (select q.project_id from run_queue q
             where q.owner is null and q.project_id > w.project_id order by q.project_id limit 1)
      from waiting w where w.project_id is not null)
  select w.project_id as project,
         (extract(epoch from now()) * 1000)::bigint as "atMs",
         (select floor(extract(epoch from q.ready_at) * 1000)::bigint from run_queue q
           where q.owner is null and q.project_id = w.project_id and q.ready_at <= now()
             and q.claims <> ${suspectClaims} order by q.ready_at limit 1) as "oldestMs"
    from waiting w`;

export async function lookAtQueue(sql: Database): Promise<QueueLook> {
  // The last row is that of no project: it brings the clock along when the queue is empty.
  const rows = await sql.unsafe<{ project: string | null; atMs: number; oldestMs: number | null }[]>(
    `${lookSql} union all select null, (extract(epoch from now()) * 1000)::bigint, null`,
  );
  const projects = rows.flatMap(({ project, oldestMs }) => (project === null ? [] : [{ project, oldestMs }]));
  return { atMs: rows[0]!.atMs, projects };
}
