import type { Database } from './database.ts';
import { fence } from './journal/message.ts';
import { uuid, uuidArray } from './literals.ts';

export interface ClaimedRun {
  readonly runUuid: string;
  /** Rescues since the run last made progress. */
  readonly claims: number;
}

/**
 * Claims up to `limit` ready runs, round-robin over projects: each project's own partial index range is
 * read from its oldest, so a project with a million ready runs does not hide another's one.
 */
export function claimSql(me: string, limit: number): string {
  const count = Math.max(1, Math.floor(limit));
  return `with recursive waiting (project_id) as (
      (select project_id from run_queue where owner is null order by project_id limit 1)
      union all
      select (select q.project_id from run_queue q
               where q.owner is null and q.project_id > w.project_id order by q.project_id limit 1)
        from waiting w where w.project_id is not null),
    picked as materialized (
      select r.run_id, r.turn from waiting w cross join lateral (
        select l.run_id, row_number() over () as turn from (
          select run_id from run_queue
           where owner is null and project_id = w.project_id and ready_at <= now()
           order by ready_at limit ${count} for update skip locked) l) r
       where w.project_id is not null
       order by r.turn limit ${count})
    update run_queue q set owner = ${uuid(me)} from picked p where q.run_id = p.run_id
    returning q.run_id as "runUuid", q.claims`;
}

/** @throws PostgresError 22012 when the lease of `me` is not valid. */
export async function claimRuns(sql: Database, me: string, limit: number): Promise<ClaimedRun[]> {
  const results = await sql.unsafe(`${fence(me)};${claimSql(me, limit)}`);
  return [...(results.at(-1) as unknown as ClaimedRun[])];
}

/**
 * Every run that `me` owns, to adopt those whose claim was committed but never answered; or which of
 * `among` it owns.
 */
export async function ownedRuns(sql: Database, me: string, among?: readonly string[]): Promise<string[]> {
  const rows = await sql<{ runUuid: string }[]>`
    select run_id as "runUuid" from run_queue where owner = ${me}
       ${among === undefined ? sql`` : sql`and run_id = any(${among as string[]}::uuid[])`}`;
  return rows.map((row) => row.runUuid);
}

/** Gives runs back, ready at once. */
export async function releaseRuns(sql: Database, me: string, runs: readonly string[]): Promise<void> {
  if (runs.length === 0) return;
  await sql.unsafe(`${fence(me)};
    update run_queue set owner = null, ready_at = now() where run_id in
      (select run_id from run_queue where run_id = any(${uuidArray(runs)}) and owner = ${uuid(me)}
        order by run_id for update)`);
}
