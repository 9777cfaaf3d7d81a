import type { Database } from './database.ts';
import { deleteInboxRows } from './journal/message.ts';
import { integer, text, uuid } from './literals.ts';

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

export interface ReopenRequest extends InboxRow {
  readonly projectUuid: string;
  /** What the run's state takes in memory. */
  readonly bytes: number;
}

/**
 * Leaves a command for a run that may be done: it is put back into the queue, ready now, for whoever claims it to
 * apply or refuse the command.
 */
export async function reopenRun(sql: Database, request: ReopenRequest): Promise<void> {
  const { runUuid, projectUuid, id, command, bytes } = request;
  const message = `
    insert into run_queue (run_id, project_id, ready_at, bytes)
      values (${uuid(runUuid)}, ${uuid(projectUuid)}, now(), ${integer(bytes)}) on conflict do nothing;
    with open as (select run_id from run_queue where run_id = ${uuid(runUuid)} for key share)
    insert into inbox (run_id, id, command)
      select run_id, ${uuid(id)}, ${text(command)} from open returning 1`;
  for (;;) {
    const results = await sql.unsafe(message);
    // None: the run's end deleted the queue row while this waited for it. The next insert finds its place free.
    if ((results.at(-1) as unknown as unknown[]).length > 0) return;
  }
}

/** Commands for runs that `owner` drives, oldest first. */
export function readInbox(sql: Database, owner: string, limit: number): PromiseLike<InboxRow[]> {
  return sql<InboxRow[]>`
    select i.run_id as "runUuid", i.id, i.command
      from inbox i join run_queue q on q.run_id = i.run_id
     where q.owner = ${owner} order by i.created_at, i.id limit ${limit}`;
}

/** Takes out commands that have been answered before: repeats that came when the first had gone already. */
export async function deleteCommands(sql: Database, rows: readonly InboxRow[]): Promise<void> {
  if (rows.length > 0) await sql.unsafe(deleteInboxRows(rows));
}
