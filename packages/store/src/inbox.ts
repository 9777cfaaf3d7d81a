import type { PendingQuery, Row } from 'postgres';
import { commandKeysMax, isOwnedBy } from './by-key.ts';
import type { Database } from './database.ts';
import { StoreError } from './errors.ts';
import { deleteInboxRows } from './journal/message.ts';
import { integer, text, uuid } from './literals.ts';
import { recentSeconds } from './recency.ts';

/** A command from outside, waiting for the owner of its run. */
export interface InboxRow {
  readonly runUuid: string;
  readonly id: string;
  /** JSON of the command. */
  readonly command: string;
}

/** Commands that may wait for the owner of a run; whoever posts more is told to come again. */
export const inboxRowsMax = 1000;
/** What one look at the inbox may bring into memory. */
const lookBytesMax = 16 * 1024 * 1024;

type Fragment = PendingQuery<Row[]>;

/**
 * Leaves a command for the owner. False when the run has no queue row: it is done. The key-share lock
 * makes the end of the run wait, so that a command is either seen by the owner or refused here.
 * @throws StoreError `inbox_full` when so many wait already, unless this one is among them.
 */
export async function postCommand(sql: Database, row: InboxRow): Promise<boolean> {
  const [posted] = await sql<{ isOpen: boolean; hasRoom: boolean }[]>`
    with open as (select run_id from run_queue where run_id = ${row.runUuid} for key share),
    room as (
      select (select count(*) from (select from inbox where run_id = ${row.runUuid} limit ${inboxRowsMax}) i)
               < ${inboxRowsMax}
          or exists (select from inbox where run_id = ${row.runUuid} and id = ${row.id}) as has_room),
    inserted as (
      insert into inbox (run_id, id, command)
      select run_id, ${row.id}, ${row.command} from open, room where has_room returning 1)
    select exists (select from open) as "isOpen", has_room as "hasRoom" from room`;
  if (posted!.isOpen && !posted!.hasRoom) {
    throw new StoreError('inbox_full', `${inboxRowsMax} commands wait for this run already`);
  }
  return posted!.isOpen;
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
    insert into inbox (run_id, id, command, reopens)
      select run_id, ${uuid(id)}, ${text(command)}, true from open on conflict do nothing;
    select from inbox where run_id = ${uuid(runUuid)} and id = ${uuid(id)}`;
  for (;;) {
    const results = await sql.unsafe(message);
    // None: the run's end deleted the queue row while this waited for it. The next insert finds its place free.
    // One that lies there already is as good.
    if ((results.at(-1) as unknown as unknown[]).length > 0) return;
  }
}

/**
 * Commands for runs that `owner` drives, oldest first: as many as `limit`, and no more bytes than memory has for them.
 * It costs no more than there are commands, nor, where there are many, than the owner has runs.
 * `isRecent`: of the last 30 s alone.
 */
export async function readInbox(
  sql: Database,
  owner: string,
  limit: number,
  isRecent = false,
): Promise<InboxRow[]> {
  const since = isRecent ? sql`i.created_at > now() - ${recentSeconds} * interval '1 s'` : sql`true`;
  const byKey = sql`(select * from inbox i where ${since} order by created_at, id limit ${commandKeysMax}) i
    cross join lateral (
      select from run_queue where run_id = i.run_id and ${sql.unsafe(isOwnedBy(owner))} offset 0) q`;
  const more = sql`(select from inbox i where ${since} offset ${commandKeysMax} limit 1) more`;
  const rows = await sql<(InboxRow | { readonly id: null })[]>`
    select "runUuid", id, command from (
      (${oldestOf(sql, byKey, limit)}) union all select null, null, null, null from ${more}) look
     order by created_at, id`;
  const isAll = rows.every((row) => row.id !== null);
  if (isAll) return rows as InboxRow[];
  const byOwner = sql`run_queue q join inbox i on i.run_id = q.run_id and q.owner = ${owner} and ${since}`;
  return sql<InboxRow[]>`
    select "runUuid", id, command from (${oldestOf(sql, byOwner, limit)}) look order by created_at, id`;
}

function oldestOf(sql: Database, from: Fragment, limit: number): Fragment {
  return sql`
    select "runUuid", id, command, created_at from (
      select *, sum(octet_length(command)) over (order by created_at, id
                  rows between unbounded preceding and 1 preceding) as bytes_before
        from (select i.run_id as "runUuid", i.id, i.command, i.created_at from ${from}
               order by i.created_at, i.id limit ${limit}) oldest) sized
     where coalesce(bytes_before, 0) < ${lookBytesMax}`;
}

/** Takes out commands that have been answered before: repeats that came when the first had gone already. */
export async function deleteCommands(sql: Database, rows: readonly InboxRow[]): Promise<void> {
  if (rows.length > 0) await sql.unsafe(deleteInboxRows(rows));
}
