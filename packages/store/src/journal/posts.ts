import type { InboxRow } from '../inbox.ts';
import { text, uuid, uuidArray, valuesOf } from '../literals.ts';

/**
 * Locks the queue rows that a batch deletes and those that it posts to, in one order for everybody: two
 * flushes, each about to end what the other posts to, would otherwise wait for each other.
 */
export function lockQueueRows({ done, targets }: LockedRows): string {
  const ending = new Set(done);
  const sorted = [...new Set([...done, ...targets])].sort();
  if (sorted.length === ending.size) {
    return `select from run_queue where run_id = any(${uuidArray(sorted)}) order by run_id for update`;
  }
  // A lateral lock is taken row by row, as the outer list comes.
  const rows = valuesOf(sorted, (id) => [uuid(id), String(ending.has(id))]);
  return `select from (${rows}) t (run_id, ends)
      left join lateral (select from run_queue q where q.run_id = t.run_id and t.ends for update) e on true
      left join lateral (select from run_queue q where q.run_id = t.run_id and not t.ends for key share) p on true`;
}

export interface LockedRows {
  readonly done: readonly string[];
  /** Runs that are posted to. */
  readonly targets: readonly string[];
}

/** A run without a queue row has ended and gets none; the lock keeps it from ending in between. */
export function insertPosts(posts: readonly InboxRow[]): string {
  const values = valuesOf(posts, ({ runUuid, id, command }) => [uuid(runUuid), uuid(id), text(command)]);
  const targets = uuidArray([...new Set(posts.map((post) => post.runUuid))].sort());
  return `insert into inbox (run_id, id, command)
    select p.run_id, p.id, p.command from (${values}) p (run_id, id, command)
      join (select run_id from run_queue where run_id = any(${targets}) order by run_id for key share) q
        on q.run_id = p.run_id
    on conflict do nothing`;
}
