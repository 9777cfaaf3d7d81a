import type { Database } from './database.ts';
import { fence } from './journal/message.ts';
import { uuid, uuidArray } from './literals.ts';

export interface ClaimedRun {
  readonly runUuid: string;
  /** Rescues since the run last made progress. */
  readonly claims: number;
  /** What its state takes in memory, as far as known. */
  readonly bytes: number;
  /** It was claimed for an inbox row. */
  readonly isWoken?: boolean;
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
