import { isOwnedBy } from '../by-key.ts';
import { insertGone } from '../gone-endpoints.ts';
import { integer, text, uuid, uuidArray, valuesOf } from '../literals.ts';
import type { NumberedEntry } from './batch.ts';
import type { JournalEntry } from './entry.ts';
import { childRows, eventValues, insertEvents, insertRuns } from './inserts.ts';
import { insertPosts, lockQueueRows } from './posts.ts';

export interface MessageOptions {
  /** The dispatcher whose lease fences the transaction and who owns new runs; null in the api. */
  readonly ownerUuid: string | null;
}

/**
 * One simple-protocol message for a batch: the fence, then the statements, no BEGIN or COMMIT. PostgreSQL
 * runs it as one implicit transaction, and it needs no prepared statements, so it works behind PgBouncer.
 */
export function buildMessage(batch: readonly NumberedEntry[], { ownerUuid }: MessageOptions): string {
  const statements: string[] = [];
  if (ownerUuid !== null) statements.push(fence(ownerUuid));
  const entries = batch.map(({ entry }) => entry);
  statements.push(...creations(entries, ownerUuid));
  const events = batch.flatMap(({ entry, firstSeq }) => eventRows(entry, firstSeq));
  if (events.length > 0) statements.push(insertEvents(events));
  const gone = entries.flatMap((entry) => entry.gone ?? []);
  if (gone.length > 0) statements.push(insertGone(gone));
  const changed = entries.filter((entry) => entry.change !== undefined);
  if (changed.length > 0) statements.push(updateRuns(changed));
  const queued = entries.filter((entry) => entry.queue !== undefined);
  if (queued.length > 0 && ownerUuid !== null) statements.push(...updateQueueRows(queued, ownerUuid));
  const done = entries.filter((entry) => entry.done).map((entry) => entry.run.uuid);
  statements.push(...locksAndPosts(entries, done));
  const consumed = entries.flatMap(({ run, consumed: ids = [] }) =>
    ids.map((id) => ({ runUuid: run.uuid, id })),
  );
  if (consumed.length > 0) statements.push(deleteInboxRows(consumed));
  if (done.length > 0 && ownerUuid !== null) statements.push(...ends(done, ownerUuid));
  return statements.join(';');
}

function creations(entries: readonly JournalEntry[], ownerUuid: string | null): string[] {
  const statements: string[] = [];
  const created = entries.flatMap(({ run, create, bytes }) =>
    create === undefined
      ? []
      : [{ uuid: run.uuid, run: create, owner: ownerUuid, bytes: create.stateBytes ?? bytes }],
  );
  if (created.length > 0) statements.push(...insertRuns(created));
  const children = entries.flatMap((entry) => entry.children ?? []);
  if (children.length === 0) return statements;
  const { runs, events } = childRows(children);
  // Of an own row, a conflict says that the driver is stale; of a child's, that it is there already.
  const leaveAlone = (insert: string) => `${insert} on conflict do nothing`;
  return [...statements, ...insertRuns(runs).map(leaveAlone), leaveAlone(insertEvents(events))];
}

function eventRows({ run, events }: JournalEntry, firstSeq: number) {
  return events.map((event, index) => ({ runUuid: run.uuid, seq: firstSeq + index, event }));
}

/** Posts before ends, so that one to a run that ends in this very batch goes with its inbox. */
function locksAndPosts(entries: readonly JournalEntry[], done: readonly string[]): string[] {
  const posts = entries.flatMap((entry) => entry.posts ?? []);
  const statements: string[] = [];
  if (done.length > 0) {
    const targets = posts.map((post) => post.runUuid);
    statements.push(lockQueueRows({ done, targets }));
  }
  if (posts.length > 0) statements.push(insertPosts(posts));
  return statements;
}

/**
 * The inbox rows of an ended run go in a later statement than its queue row: the row lock of whoever posts orders
 * the two. A command that reopens the run came too late for this end, and keeps the run in the queue.
 */
function ends(done: readonly string[], ownerUuid: string): string[] {
  const ids = uuidArray(done);
  return [
    `delete from run_queue q where run_id = any(${ids}) and ${isOwnedBy(ownerUuid)}
      and not exists (select from inbox i where i.run_id = q.run_id and i.reopens offset 0)`,
    `delete from inbox where run_id = any(${ids}) and not reopens`,
  ];
}

/** Counts the events that are there just so: all of a batch or none, unless some are another writer's. */
export function presenceMessage(batch: readonly NumberedEntry[]): string {
  const rows = batch.flatMap(({ entry, firstSeq }) => eventRows(entry, firstSeq));
  const ids = batch.map(({ entry }) => entry.run.uuid);
  return `select count(*)::int as present from run_events e
      join (${eventValues(rows)}) as b (run_id, seq, type, step, at_ms, data, result)
        on e.run_id = b.run_id and e.seq = b.seq and e.type = b.type and e.at_ms = b.at_ms
       and e.step is not distinct from b.step and e.data is not distinct from b.data
       and e.result is not distinct from b.result
     where ${idBounds('e.run_id', ids)}`;
}

/** Must fail the transaction, not report: the division by zero does when the lease is gone or expired. */
export function fence(ownerUuid: string): string {
  return `select 1 / count(*) from (select from dispatchers where id = ${uuid(ownerUuid)}
    and expires_at > clock_timestamp() for key share) me`;
}

function updateRuns(entries: readonly JournalEntry[]): string {
  // Of two source rows for one run, UPDATE takes any: only the newest change may be among them.
  const newest = new Map(entries.map((entry) => [entry.run, entry]));
  const values = valuesOf([...newest.values()], ({ run, change }) => [
    uuid(run.uuid),
    text(change!.state),
    `${integer(change!.startedAtMs)}::bigint`,
    `${integer(change!.finishedAtMs)}::bigint`,
  ]);
  const ids = entries.map((entry) => entry.run.uuid);
  return `update runs r set state = u.state, started_at_ms = u.started, finished_at_ms = u.finished
      from (${values}) as u (id, state, started, finished) where r.id = u.id and ${idBounds('r.id', ids)}`;
}

/**
 * A parked run may have another owner when the message is sent again, or comes late: then it is left alone. Or the same
 * one, who has claimed it since: claims leave `ready_at` as it was, and no two parkings of a run name the same time.
 */
function updateQueueRows(entries: readonly JournalEntry[], ownerUuid: string): string[] {
  const newest = new Map(entries.map((entry) => [entry.run.uuid, entry]));
  const values = valuesOf([...newest.values()], ({ run, queue }) => [
    uuid(run.uuid),
    `${integer(queue!.bytes)}::bigint`,
    `${integer(queue!.parkedUntilMs)}::bigint`,
  ]);
  const me = uuid(ownerUuid);
  const ids = uuidArray([...newest.keys()]);
  return [
    `update run_queue q set bytes = u.bytes, claims = 0, owner = case when u.parked_until is null then q.owner end,
        ready_at = coalesce(to_timestamp(u.parked_until / 1000.0), q.ready_at)
      from (${values}) as u (id, bytes, parked_until) where q.run_id = u.id and q.run_id = any(${ids}) and ${isOwnedBy(ownerUuid)}
       and (u.parked_until is null or q.ready_at <> to_timestamp(u.parked_until / 1000.0))`,
    `update dispatchers set suspect_run_id = null where id = ${me} and suspect_run_id = any(${ids})`,
  ];
}

/** Literal bounds let the planner leave out the partitions that hold none of the ids. */
export function idBounds(column: string, ids: readonly string[]): string {
  let least = ids[0]!;
  let greatest = ids[0]!;
  for (const id of ids) {
    if (id < least) least = id;
    if (id > greatest) greatest = id;
  }
  return `${column} between ${uuid(least)} and ${uuid(greatest)}`;
}

export function deleteInboxRows(rows: readonly { readonly runUuid: string; readonly id: string }[]): string {
  const values = valuesOf(rows, ({ runUuid, id }) => [uuid(runUuid), uuid(id)]);
  const runs = uuidArray([...new Set(rows.map(({ runUuid }) => runUuid))]);
  return `delete from inbox i using (${values}) as u (run_id, id)
    where i.run_id = u.run_id and i.id = u.id and i.run_id = any(${runs})`;
}
