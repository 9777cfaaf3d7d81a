import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import * as h from '../test/harness.ts';
import { claimRuns, claimSql } from './claims.ts';
import { readInbox } from './inbox.ts';
import { deleteDoneRuns, ownedRuns } from './queue.ts';

let database: h.TestDatabase;
beforeAll(async () => {
  database = await h.startDatabase();
});
afterAll(() => database.stop());
beforeEach(() => database.sql`truncate run_queue, inbox, dispatchers`);

/** For so many runs of one byte each. */
const room = (runs: number) => ({ runs, bytes: 1_000_000, suspect: false });

const owned = async (me: string, among?: string[]) =>
  (await ownedRuns(database.sql, me, among)).map((run) => run.runUuid);

const register = async () => (await h.register(database.url)).uuid;

/** Ready runs of a project, oldest first. */
async function queue(project: string, count: number, readyAt = 'now()'): Promise<string[]> {
  const rows = await database.sql.unsafe<{ run_id: string }[]>(
    `insert into run_queue (run_id, project_id, ready_at, bytes)
     select gen_random_uuid(), '${project}', ${readyAt} - (${count} - n) * interval '1 ms', 1
       from generate_series(1, ${count}) n returning run_id`,
  );
  return rows.map((row) => row.run_id);
}

describe('claims', () => {
  test('go round-robin over projects, each from its oldest', async () => {
    const me = await register();
    const [flood, trickle, pair] = [h.newUuid(), h.newUuid(), h.newUuid()];
    const many = await queue(flood, 2000);
    const [one] = await queue(trickle, 1);
    const two = await queue(pair, 2);
    const claimed = await claimRuns(database.sql, me, room(10));
    const ids = claimed.map((run) => run.runUuid);
    expect(new Set(ids)).toEqual(new Set([...many.slice(0, 7), one, ...two]));
    expect(new Set(await owned(me))).toEqual(new Set(ids));
  });

  test('lock few runs more than they take, however many projects wait', async () => {
    const me = await register();
    for (let n = 0; n < 50; n++) await queue(h.newUuid(), 20);
    const held = await h.holdTransaction(database.url, claimSql(me, room(20)));
    const [row] = await database.sql<{ free: number }[]>`
      select count(*)::int as free from (select from run_queue where owner is null for update skip locked) f`;
    await held.release();
    expect(await owned(me)).toHaveLength(20);
    expect(row!.free).toBeGreaterThanOrEqual(1000 - 4 * 20);
  });

  test('take what is ready and free, and nothing else', async () => {
    const [me, other] = [await register(), await register()];
    const project = h.newUuid();
    await queue(project, 3, `now() + interval '1 hour'`);
    const taken = await queue(h.newUuid(), 3);
    await database.sql`update run_queue set owner = ${other} where run_id = any(${taken})`;
    expect(await claimRuns(database.sql, me, room(10))).toEqual([]);
    const [ready] = await queue(project, 1);
    await database.sql`update run_queue set claims = 1 where run_id = ${ready!}`;
    expect(await claimRuns(database.sql, me, room(10))).toMatchObject([
      { runUuid: ready, project, claims: 1, bytes: 1, isWoken: false },
    ]);
  });

  test('two claimers at once share nothing and do not wait for each other', async () => {
    const [first, second] = [await register(), await register()];
    await queue(h.newUuid(), 6);
    const held = await h.holdTransaction(database.url, claimSql(first, room(4)));
    const claimed = await claimRuns(database.sql, second, room(10));
    await held.release();
    expect(claimed).toHaveLength(2);
    expect(await owned(first)).toHaveLength(4);
  });

  test('many claimers: every run is claimed once', async () => {
    const claimers = await Promise.all(Array.from({ length: 4 }, register));
    const all = await queue(h.newUuid(), 500);
    const claimed: string[] = [];
    await Promise.all(
      claimers.map(async (me) => {
        // Skipped rows may hide what is left from one claim, never from the next ones.
        for (let empty = 0; empty < 20; ) {
          const runs = await claimRuns(database.sql, me, room(7));
          claimed.push(...runs.map((run) => run.runUuid));
          empty = runs.length === 0 ? empty + 1 : 0;
        }
      }),
    );
    expect(claimed.sort()).toEqual(all.sort());
  });

  test('with a lease that is not valid take nothing', async () => {
    const me = await register();
    await queue(h.newUuid(), 3);
    await h.expire(database.sql, me);
    await expect(claimRuns(database.sql, me, room(10))).rejects.toMatchObject({ code: '22012' });
    expect(await owned(me)).toEqual([]);
  });

  test('stop where their bytes are used up, but take one run however large', async () => {
    const me = await register();
    const runs = await queue(h.newUuid(), 4);
    const sizes = [500, 400, 300, 1];
    for (const [index, run] of runs.entries()) {
      await database.sql`update run_queue set bytes = ${sizes[index]!} where run_id = ${run}`;
    }
    const claim = async (bytes: number) =>
      (await claimRuns(database.sql, me, { runs: 10, bytes, suspect: false })).map((run) => run.bytes);
    expect(await claim(100)).toEqual([500]);
    expect((await claim(500)).sort()).toEqual([300, 400]);
  });

  test('what is owned can be asked by name', async () => {
    const [me, other] = [await register(), await register()];
    const mine = await queue(h.newUuid(), 2);
    await claimRuns(database.sql, me, room(2));
    const [theirs] = await queue(h.newUuid(), 1);
    await claimRuns(database.sql, other, room(1));
    expect(await owned(me, [mine[0]!, theirs!])).toEqual([mine[0]]);
    expect(new Set(await owned(me))).toEqual(new Set(mine));
  });
});

describe('suspects', () => {
  const suspectsOf = async (dispatcher: string) =>
    (await database.sql`select suspect_run_id as run from dispatchers where id = ${dispatcher}`)[0]!.run;

  test('are claimed one at a time, oldest first, by whoever asks for one, and named in its row', async () => {
    const [me, other] = [await register(), await register()];
    const runs = await queue(h.newUuid(), 3);
    await database.sql`update run_queue set claims = 2`;
    await h.postCommand(database.sql, { runUuid: runs[0]!, id: h.newUuid(), command: '{}' });
    expect(await claimRuns(database.sql, me, room(10))).toEqual([]);
    expect(await suspectsOf(me)).toBeNull();
    const suspect = { ...room(10), suspect: true };
    expect(await claimRuns(database.sql, me, suspect)).toMatchObject([
      { runUuid: runs[0], claims: 2, bytes: 1 },
    ]);
    expect(await claimRuns(database.sql, other, suspect)).toMatchObject([{ runUuid: runs[1] }]);
    expect([await suspectsOf(me), await suspectsOf(other)]).toEqual([runs[0], runs[1]]);
    expect(await owned(me)).toEqual([runs[0]]);
  });

  test('are suspects no longer after one more rescue: whoever claims them takes them all', async () => {
    const me = await register();
    const runs = await queue(h.newUuid(), 3);
    await database.sql`update run_queue set claims = 3`;
    const claimed = await claimRuns(database.sql, me, room(10));
    expect(claimed.map((run) => run.runUuid).sort()).toEqual(runs.sort());
  });

  test('do not keep others from being claimed', async () => {
    const me = await register();
    const [suspect, ready] = await queue(h.newUuid(), 2);
    await database.sql`update run_queue set claims = 2 where run_id = ${suspect!}`;
    const claimed = await claimRuns(database.sql, me, { ...room(10), suspect: true });
    expect(claimed.map((run) => run.runUuid)).toEqual([ready, suspect]);
  });
});

describe('an inbox row', () => {
  const post = async (run: string) =>
    void (await h.postCommand(database.sql, { runUuid: run, id: h.newUuid(), command: '{}' }));

  test('wakes a free run whatever it waits for, before runs that are ready, and once', async () => {
    const me = await register();
    const parked = await queue(h.newUuid(), 3, `now() + interval '1 hour'`);
    const ready = await queue(h.newUuid(), 3);
    for (const run of [parked[1]!, parked[1]!, ready[0]!]) await post(run);
    const claimed = await claimRuns(database.sql, me, room(3));
    const ids = claimed.map((run) => run.runUuid);
    expect(new Set(ids)).toEqual(new Set([parked[1], ready[0], ready[1]]));
    const woken = claimed.filter((run) => run.isWoken).map((run) => run.runUuid);
    expect(new Set(woken)).toEqual(new Set([parked[1], ready[0]]));
    expect(await claimRuns(database.sql, me, room(3))).toMatchObject([{ runUuid: ready[2] }]);
  });

  test('of long ago wakes nobody while recent ones alone are looked at', async () => {
    const me = await register();
    const [old, fresh] = await queue(h.newUuid(), 2, `now() + interval '1 hour'`);
    for (const run of [old!, fresh!]) await post(run);
    await database.sql`update inbox set created_at = now() - interval '1 minute' where run_id = ${old!}`;
    const recent = { ...room(5), isInboxRecent: true };
    expect(await claimRuns(database.sql, me, recent)).toMatchObject([{ runUuid: fresh }]);
    expect(await readInbox(database.sql, me, 10, true)).toMatchObject([{ runUuid: fresh }]);
    expect(await claimRuns(database.sql, me, room(5))).toMatchObject([{ runUuid: old }]);
    expect(await readInbox(database.sql, me, 10, true)).toHaveLength(1);
    expect(await readInbox(database.sql, me, 10)).toHaveLength(2);
  });

  test('leaves a run with its owner', async () => {
    const [me, other] = [await register(), await register()];
    const [run] = await queue(h.newUuid(), 1);
    await claimRuns(database.sql, other, room(1));
    await post(run!);
    expect(await claimRuns(database.sql, me, room(1))).toEqual([]);
  });
});

describe('runs that are done', () => {
  const done = (runUuid: string) => ({ runUuid, seq: 0 });

  test('leave the queue if they are owned and nobody has posted to them', async () => {
    const [me, other] = [await register(), await register()];
    const runs = await queue(h.newUuid(), 2);
    await claimRuns(database.sql, me, room(2));
    const [theirs] = await queue(h.newUuid(), 1);
    await claimRuns(database.sql, other, room(1));
    await h.postCommand(database.sql, { runUuid: runs[1]!, id: h.newUuid(), command: '{}' });
    expect(await deleteDoneRuns(database.sql, me, [...runs, theirs!].map(done))).toEqual([runs[0]]);
    expect(await owned(me)).toEqual([runs[1]]);
    expect(await owned(other)).toEqual([theirs]);
  });

  test('wait for a post that is on its way and stay', async () => {
    const me = await register();
    const [run] = await queue(h.newUuid(), 1);
    await claimRuns(database.sql, me, room(1));
    const post = await h.holdTransaction(
      database.url,
      `with open as (select run_id from run_queue where run_id = '${run}' for key share)
       insert into inbox (run_id, id, command) select run_id, '${h.newUuid()}', '{}' from open`,
    );
    const deleted = deleteDoneRuns(database.sql, me, [done(run!)]);
    await post.waiter();
    await post.release();
    expect(await deleted).toEqual([]);
  });

  test('stay when their journal has grown since it was read', async () => {
    const me = await register();
    const [run] = await queue(h.newUuid(), 1);
    await claimRuns(database.sql, me, room(1));
    const grown = h.newUuid();
    await database.sql`update run_queue set run_id = ${grown} where run_id = ${run!}`;
    await database.sql`insert into run_events (run_id, seq, type, at_ms) values (${grown}, 3, 'run.created', 0)`;
    expect(await deleteDoneRuns(database.sql, me, [{ runUuid: grown, seq: 2 }])).toEqual([]);
    expect(await deleteDoneRuns(database.sql, me, [{ runUuid: grown, seq: 3 }])).toEqual([grown]);
  });

  test('stay with a lease that is not valid', async () => {
    const me = await register();
    const [run] = await queue(h.newUuid(), 1);
    await claimRuns(database.sql, me, room(1));
    await h.expire(database.sql, me);
    await expect(deleteDoneRuns(database.sql, me, [done(run!)])).rejects.toMatchObject({ code: '22012' });
    expect(await owned(me)).toEqual([run]);
  });
});
