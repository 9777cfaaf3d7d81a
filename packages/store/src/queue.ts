import type { Database } from './database.ts';
import { fence } from './journal/message.ts';
import { integer, uuid, uuidArray } from './literals.ts';

export interface ClaimedRun {
  readonly runUuid: string;
  /** Rescues since the run last made progress. */
  readonly claims: number;
  /** What its state takes in memory, as far as known. */
  readonly bytes: number;
  /** It was claimed for an inbox row. */
  readonly isWoken?: boolean;
}

/** Where a claim stops. It takes at least one run, however large. */
export interface ClaimRoom {
  readonly runs: number;
  readonly bytes: number;
  /** Whether to take a suspect, too, if there is one. */
  readonly suspect: boolean;
}

/**
 * Rescues without progress between them that make a run a suspect: its dispatchers may have died of it. One
 * more, and it is quarantined by whoever claims it, for which it need not be the only one.
 */
export const suspectClaims = 2;

/**
 * Claims runs that are free: first those with an inbox row, whatever the time they wait for, then those that are
 * ready, round-robin over projects. Each project's own partial index range is read from its oldest, so a
 * project with a million ready runs does not hide another's one. The first test is driven from the inbox: as
 * an `or` of the second it would read the whole queue.
 */
export function claimSql(me: string, room: Omit<ClaimRoom, 'suspect'>): string {
  const count = integer(Math.max(1, Math.floor(room.runs)));
  const bytes = integer(Math.max(1, Math.floor(room.bytes)));
  return `with recursive waiting (project_id) as (
      (select project_id from run_queue where owner is null order by project_id limit 1)
      union all
      select (select q.project_id from run_queue q
               where q.owner is null and q.project_id > w.project_id order by q.project_id limit 1)
        from waiting w where w.project_id is not null),
    woken as materialized (
      select q.run_id, q.bytes, 0::bigint as turn from (select distinct run_id from inbox) i
       cross join lateral (
        select run_id, bytes from run_queue
         where run_id = i.run_id and owner is null and claims <> ${suspectClaims}
           for no key update skip locked) q
       limit ${count}),
    ready as materialized (
      select r.run_id, r.bytes, r.turn from waiting w cross join lateral (
        select l.run_id, l.bytes, row_number() over () as turn from (
          select run_id, bytes from run_queue
           where owner is null and project_id = w.project_id and ready_at <= now() and claims <> ${suspectClaims}
           order by ready_at limit ${count} for no key update skip locked) l) r
       where w.project_id is not null
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
    update run_queue q set owner = ${uuid(me)} from picked p where q.run_id = p.run_id
    returning q.run_id as "runUuid", q.claims, q.bytes, p.is_woken as "isWoken"`;
}

/** Claims one suspect and names it in the row of `me`: should `me` die, that is the one it died with. */
export function claimSuspectSql(me: string): string {
  return `with picked as materialized (
      select run_id from run_queue where owner is null and claims = ${suspectClaims}
       order by ready_at limit 1 for no key update skip locked),
    named as (update dispatchers set suspect_run_id = p.run_id from picked p where id = ${uuid(me)})
    update run_queue q set owner = ${uuid(me)} from picked p where q.run_id = p.run_id
    returning q.run_id as "runUuid", q.claims, q.bytes`;
}

/** @throws PostgresError 22012 when the lease of `me` is not valid. */
export async function claimRuns(sql: Database, me: string, room: ClaimRoom): Promise<ClaimedRun[]> {
  const claims = room.suspect ? [claimSql(me, room), claimSuspectSql(me)] : [claimSql(me, room)];
  const [, ...claimed] = await sql.unsafe([fence(me), ...claims].join(';'));
  return (claimed as unknown as ClaimedRun[][]).flat();
}

/**
 * Every run that `me` owns, to adopt those whose claim was committed but never answered; or which of
 * `among` it owns.
 */
export async function ownedRuns(sql: Database, me: string, among?: readonly string[]): Promise<ClaimedRun[]> {
  return await sql<ClaimedRun[]>`
    select run_id as "runUuid", claims, bytes from run_queue where owner = ${me}
       ${among === undefined ? sql`` : sql`and run_id = any(${among as string[]}::uuid[])`}`;
}

/**
 * Takes runs of `me` that are done out of the queue, all but those with an inbox row. Answers which. The lock
 * makes whoever posts wait: a command is either seen here or finds no queue row.
 * @throws PostgresError 22012 when the lease of `me` is not valid.
 */
export async function deleteDoneRuns(sql: Database, me: string, runs: readonly string[]): Promise<string[]> {
  if (runs.length === 0) return [];
  const ids = uuidArray(runs);
  const results = await sql.unsafe(`${fence(me)};
    select from run_queue where run_id = any(${ids}) order by run_id for update;
    delete from run_queue q where run_id = any(${ids}) and owner = ${uuid(me)}
      and not exists (select from inbox i where i.run_id = q.run_id)
    returning run_id as "runUuid"`);
  return (results.at(-1) as unknown as { runUuid: string }[]).map((row) => row.runUuid);
}
