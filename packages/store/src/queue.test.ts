import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import * as h from '../test/harness.ts';
import { readInbox } from './inbox.ts';
import { claimRuns, claimSql, ownedRuns, releaseRuns } from './queue.ts';

let database: h.TestDatabase;
beforeAll(async () => {
  database = await h.startDatabase();
});
afterAll(() => database.stop());
beforeEach(() => database.sql`truncate run_queue, inbox, dispatchers`);

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
    const claimed = await claimRuns(database.sql, me, 10);
    const ids = claimed.map((run) => run.runUuid);
    expect(new Set(ids)).toEqual(new Set([...many.slice(0, 7), one, ...two]));
    expect(new Set(await ownedRuns(database.sql, me))).toEqual(new Set(ids));
  });

  test('take what is ready and free, and nothing else', async () => {
    const [me, other] = [await register(), await register()];
    const project = h.newUuid();
    await queue(project, 3, `now() + interval '1 hour'`);
    const taken = await queue(h.newUuid(), 3);
    await database.sql`update run_queue set owner = ${other} where run_id = any(${taken})`;
    expect(await claimRuns(database.sql, me, 10)).toEqual([]);
    const [ready] = await queue(project, 1);
    await database.sql`update run_queue set claims = 2 where run_id = ${ready!}`;
    expect(await claimRuns(database.sql, me, 10)).toEqual([{ runUuid: ready, claims: 2 }]);
  });

  test('two claimers at once share nothing and do not wait for each other', async () => {
    const [first, second] = [await register(), await register()];
    await queue(h.newUuid(), 6);
    const held = await h.holdTransaction(database.url, claimSql(first, 4));
    const claimed = await claimRuns(database.sql, second, 10);
    await held.release();
    expect(claimed).toHaveLength(2);
    expect(await ownedRuns(database.sql, first)).toHaveLength(4);
  });

  test('many claimers: every run is claimed once', async () => {
    const claimers = await Promise.all(Array.from({ length: 4 }, register));
    const all = await queue(h.newUuid(), 500);
    const claimed: string[] = [];
    await Promise.all(
      claimers.map(async (me) => {
        // Skipped rows may hide what is left from one claim, never from the next ones.
        for (let empty = 0; empty < 20; ) {
          const runs = await claimRuns(database.sql, me, 7);
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
    await expect(claimRuns(database.sql, me, 10)).rejects.toMatchObject({ code: '22012' });
    expect(await ownedRuns(database.sql, me)).toEqual([]);
  });

  test('are given back by name, ready at once, and only those that are owned', async () => {
    const [me, other] = [await register(), await register()];
    await queue(h.newUuid(), 2);
    const mine = (await claimRuns(database.sql, me, 2)).map((run) => run.runUuid);
    await queue(h.newUuid(), 1);
    const theirs = (await claimRuns(database.sql, other, 1)).map((run) => run.runUuid);
    await releaseRuns(database.sql, me, [mine[0]!, ...theirs]);
    expect(await ownedRuns(database.sql, me)).toEqual([mine[1]]);
    expect(await ownedRuns(database.sql, other)).toEqual(theirs);
    expect(await ownedRuns(database.sql, me, [mine[0]!])).toEqual([]);
    expect(await ownedRuns(database.sql, me, mine)).toEqual([mine[1]]);
  });
});

describe('plans on a large queue', () => {
  const me = h.newUuid();
  beforeEach(async () => {
    await database.sql`
      insert into run_queue (run_id, project_id, ready_at, owner, bytes)
      select gen_random_uuid(), md5((n % 50)::text)::uuid, now() + (n % 3 - 1) * interval '1 hour',
             case when n % 2 = 0 then md5((n % 100)::text)::uuid end, 1 from generate_series(1, 30000) n`;
    await database.sql`update run_queue set owner = ${me} where run_id in (select run_id from run_queue limit 50)`;
    await database.sql`
      insert into inbox (run_id, id, command) select run_id, gen_random_uuid(), '{}' from run_queue limit 200`;
    await database.sql`analyze run_queue, inbox`;
  });

  test('claims read the index of ready runs', async () => {
    const plan = await planOf(claimSql(me, 100));
    // Once for the projects that wait, once for the ready runs of each.
    expect(plan).toContain('Index Only Scan using run_queue_ready');
    expect(plan).toMatch(/LockRows.*\n *-> +Index Scan using run_queue_ready/);
    expect(plan).not.toContain('Seq Scan on run_queue');
  });

  test('what is owned is read by the index of owned runs', async () => {
    const plan = await planOf(await textOf((sql) => ownedRuns(sql, me)));
    expect(plan).toContain('run_queue_owned');
    expect(plan).not.toContain('Seq Scan');
  });

  test('the inbox is joined to the queue by an index, also when it is long', async () => {
    const text = await textOf((sql) => readInbox(sql, me, 500));
    expect(await planOf(text)).not.toContain('Seq Scan on run_queue');
    await database.sql`insert into inbox (run_id, id, command) select run_id, gen_random_uuid(), '{}' from run_queue`;
    await database.sql`analyze inbox`;
    const plan = await planOf(text);
    expect(plan).toContain('run_queue_owned');
    expect(plan).not.toContain('Seq Scan');
  });

  async function planOf(text: string): Promise<string> {
    const rows = await database.sql.unsafe<{ 'QUERY PLAN': string }[]>(`explain ${text}`);
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  }

  /** The statement as it is sent, with its parameters put in. */
  async function textOf(run: (sql: h.Database) => PromiseLike<unknown>): Promise<string> {
    let sent = '';
    const sql = h.connectDebug(database.url, (query, parameters) => {
      sent = query.replace(/\$(\d+)/g, (_, n) => `'${parameters[Number(n) - 1]}'`);
    });
    await run(sql);
    await sql.end();
    return sent;
  }
});
