import { isOwnedBy } from './by-key.ts';
import type { Database } from './database.ts';
import { fence, idBounds } from './journal/message.ts';
import { integer, uuid, uuidArray, valuesOf } from './literals.ts';

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

/** A run that is done, as far as its journal has been read. */
export interface DoneRun {
  readonly runUuid: string;
  /** Of the newest row read. */
  readonly seq: number;
}

/**
 * Takes runs of `me` that are done out of the queue, all but those with an inbox row. Answers which. The lock
 * makes whoever posts wait: a command is either seen here or finds no queue row. A run whose journal has grown since
 * has been reopened: the message may have been long on its way.
 * @throws PostgresError 22012 when the lease of `me` is not valid.
 */
export async function deleteDoneRuns(sql: Database, me: string, runs: readonly DoneRun[]): Promise<string[]> {
  if (runs.length === 0) return [];
  const ids = uuidArray(runs.map(({ runUuid }) => runUuid));
  const values = valuesOf(runs, ({ runUuid, seq }) => [uuid(runUuid), integer(seq)]);
  const results = await sql.unsafe(`${fence(me)};
    select from run_queue where run_id = any(${ids}) order by run_id for update;
    delete from run_queue q using (${values}) d (run_id, seq)
     where q.run_id = d.run_id and q.run_id = any(${ids}) and ${isOwnedBy(me)}
       and not exists (select from inbox i where i.run_id = q.run_id offset 0)
       and not exists (select from run_events e where e.run_id = d.run_id and e.seq > d.seq
             and ${idBounds(
               'e.run_id',
               runs.map(({ runUuid }) => runUuid),
             )})
    returning q.run_id as "runUuid"`);
  return (results.at(-1) as unknown as { runUuid: string }[]).map((row) => row.runUuid);
}
