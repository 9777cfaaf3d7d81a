import type { Database } from './database.ts';

/** A command from outside, waiting for the owner of its run. */
export interface InboxRow {
  readonly runUuid: string;
  readonly id: string;
  /** JSON of the command. */
  readonly command: string;
}

/**
 * Leaves a command for the owner. False when the run has no queue row: it is done. The key-share lock
 * makes the end of the run wait, so that a command is either seen by the owner or refused here.
 */
export async function postCommand(sql: Database, row: InboxRow): Promise<boolean> {
  const inserted = await sql`
    with open as (select run_id from run_queue where run_id = ${row.runUuid} for key share)
    insert into inbox (run_id, id, command) select run_id, ${row.id}, ${row.command} from open returning 1`;
  return inserted.length > 0;
}

/** Commands for runs that `owner` drives, oldest first. */
export function readInbox(sql: Database, owner: string, limit: number): PromiseLike<InboxRow[]> {
  return sql<InboxRow[]>`
    select i.run_id as "runUuid", i.id, i.command
      from inbox i join run_queue q on q.run_id = i.run_id
     where q.owner = ${owner} order by i.created_at, i.id limit ${limit}`;
}
