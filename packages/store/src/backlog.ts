import { suspectClaims } from './claims.ts';
import type { Database } from './database.ts';
import { integer } from './literals.ts';

/** Runs of a project that are ready and that nobody has claimed. */
export interface Backlog {
  readonly project: string;
  /** Not counted further than asked for. */
  readonly runs: number;
  /** For how long the oldest of them has been ready. */
  readonly ageMs: number;
}

/** Of every project that has any; of each no more are counted than `countMax`. */
export async function readBacklogs(sql: Database, countMax: number): Promise<Backlog[]> {
  const ready = `q.owner is null and q.project_id = w.project_id and q.ready_at <= now()
    and q.claims <> ${suspectClaims}`;
  return await sql.unsafe<Backlog[]>(`
    with recursive waiting (project_id) as (
      (select project_id from run_queue where owner is null order by project_id limit 1)
      union all
      select (select q.project_id from run_queue q
               where q.owner is null and q.project_id > w.project_id order by q.project_id limit 1)
        from waiting w where w.project_id is not null)
    select w.project_id as project, b.runs, b.age_ms as "ageMs" from waiting w cross join lateral (
      select count(*)::int as runs, (extract(epoch from now() - min(o.ready_at)) * 1000)::float8 as age_ms
        from (select q.ready_at from run_queue q where ${ready} order by q.ready_at limit ${integer(countMax)}) o) b
     where w.project_id is not null and b.runs > 0`);
}
