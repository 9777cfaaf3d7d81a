import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { explainAnalyze, withParameters } from '../test/explain.ts';
import * as h from '../test/harness.ts';
import { readBacklogs } from './backlog.ts';
import { claimSql, claimSuspectSql } from './claims.ts';
import { readInbox } from './inbox.ts';
import { ownedRuns } from './queue.ts';

let database: h.TestDatabase;
beforeAll(async () => {
  database = await h.startDatabase();
});
afterAll(() => database.stop());
beforeEach(() => database.sql`truncate run_queue, inbox, dispatchers`);

/** For so many runs of one byte each. */
const room = (runs: number) => ({ runs, bytes: 1_000_000, suspect: false });

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
    const plan = await planOf(claimSql(me, room(100)));
    // Once for the projects that wait, once for the ready runs of each.
    expect(plan).toContain('Index Only Scan using run_queue_ready');
    expect(plan).toMatch(/LockRows.*\n *-> +Index Scan using run_queue_ready/);
    expect(plan).not.toContain('Seq Scan on run_queue');
  });

  test('claims with marks read it from there, and the gaps between them', async () => {
    const rows = await database.sql<
      { project: string }[]
    >`select distinct project_id as project from run_queue`;
    const marks = rows.map(({ project }) => ({ project, sinceMs: Date.now() - 3_600_000 })).slice(0, 30);
    marks.sort((a, b) => (a.project < b.project ? -1 : 1));
    const plan = await planOf(claimSql(me, room(100), marks));
    expect(plan).toMatch(/Index Cond: .*project_id > .*project_id < /);
    expect(plan).toMatch(
      /LockRows.*\n *-> +Index Scan using run_queue_ready.*\n *Index Cond: .*ready_at >= /,
    );
    expect(plan).not.toContain('Seq Scan on run_queue');
  });

  test('claims go from the inbox to the queue by key, also when the inbox is long', async () => {
    const byKey = /LockRows.*\n *-> +Index Scan using run_queue_pkey/;
    expect(await planOf(claimSql(me, room(100)))).toMatch(byKey);
    await database.sql`insert into inbox (run_id, id, command) select run_id, gen_random_uuid(), '{}' from run_queue`;
    await database.sql`analyze inbox`;
    const plan = await planOf(claimSql(me, room(100)));
    expect(plan).toMatch(byKey);
    expect(plan).not.toContain('Seq Scan on run_queue');
    await database.sql`update run_queue set owner = ${me}`;
    // Three for each of the oldest 5,000 commands, and what the updates have left.
    expect(await pagesOf(claimSql(me, room(100)))).toBeLessThan(40_000);
  });

  test('backlogs are counted by the index of ready runs, no further than asked for', async () => {
    const text = await textOf((sql) => readBacklogs(sql, 100));
    const plan = await planOf(text);
    expect(plan).toContain('run_queue_ready');
    expect(plan).not.toContain('Seq Scan');
    const backlogs = await readBacklogs(database.sql, 100);
    expect(Math.max(...backlogs.map(({ runs }) => runs))).toBe(100);
    expect(Math.round(backlogs[0]!.ageMs / 60_000)).toBe(60);
  });

  test('suspects are found by an index of their own', async () => {
    await database.sql`update run_queue set claims = 2 where run_id in (select run_id from run_queue limit 300)`;
    await database.sql`analyze run_queue`;
    const plan = await planOf(claimSuspectSql(me));
    expect(plan).toContain('Index Scan using run_queue_suspects');
    expect(plan).not.toContain('Seq Scan on run_queue');
  });

  test('recent commands are found by an index of their own, for claims and for owners', async () => {
    await database.sql`update inbox set created_at = now() - interval '1 hour'`;
    await database.sql`insert into inbox (run_id, id, command)
      select run_id, gen_random_uuid(), '{}' from run_queue`;
    await database.sql`update inbox set created_at = now() - interval '1 hour'`;
    await database.sql`analyze inbox`;
    const plan = await planOf(claimSql(me, { ...room(100), isInboxRecent: true }));
    expect(plan).toContain('inbox_recent');
    const text = await textOf((sql) => readInbox(sql, me, 500, true));
    expect(await planOf(text)).toContain('inbox_recent');
  });

  test('what is owned is read by the index of owned runs', async () => {
    const plan = await planOf(await textOf((sql) => ownedRuns(sql, me)));
    expect(plan).toContain('run_queue_owned');
    expect(plan).not.toContain('Seq Scan');
  });

  test('the queue rows of commands are found by key, also when the inbox is long', async () => {
    const text = await textOf((sql) => readInbox(sql, me, 500));
    expect(await planOf(text)).not.toContain('Seq Scan on run_queue');
    await database.sql`insert into inbox (run_id, id, command) select run_id, gen_random_uuid(), '{}' from run_queue`;
    await database.sql`analyze inbox`;
    const plan = await planOf(text);
    expect(plan).toContain('Index Scan using run_queue_pkey');
    expect(plan).not.toContain('Seq Scan on run_queue');
  });

  test('behind many commands of others, own ones are found from the runs that are owned', async () => {
    await database.sql`truncate inbox`;
    const from = database.sql`from run_queue where owner is distinct from ${me}`;
    await database.sql`insert into inbox (run_id, id, command, created_at)
      select run_id, gen_random_uuid(), '{}', now() - interval '1 s' ${from}`;
    await database.sql`insert into inbox (run_id, id, command)
      select run_id, gen_random_uuid(), '{}' from run_queue where owner = ${me} limit 20`;
    await database.sql`analyze inbox`;
    for (const isRecent of [false, true]) {
      const found = await readInbox(database.sql, me, 15, isRecent);
      expect(new Set(found.map(({ runUuid }) => runUuid)).size).toBe(15);
      const pages = await Promise.all(
        (await textsOf((sql) => readInbox(sql, me, 15, isRecent))).map(pagesOf),
      );
      // Two looks: three pages for each of 5,000 keys, and for each run that is owned. All of it would be 90,000.
      expect([pages.length, pages.reduce((sum, count) => sum + count) < 20_000]).toEqual([2, true]);
    }
  });

  async function planOf(text: string): Promise<string> {
    const rows = await database.sql.unsafe<{ 'QUERY PLAN': string }[]>(`explain ${text}`);
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  }

  const pagesOf = async (text: string) => (await explainAnalyze(database.sql, text)).pages;

  async function textOf(run: (sql: h.Database) => PromiseLike<unknown>): Promise<string> {
    return (await textsOf(run)).at(-1)!;
  }

  /** The statements as they are sent. */
  async function textsOf(run: (sql: h.Database) => PromiseLike<unknown>): Promise<string[]> {
    const sent: string[] = [];
    const sql = h.connectDebug(database.url, (query, parameters) => {
      sent.push(withParameters(query, parameters));
    });
    await run(sql);
    await sql.end();
    return sent;
  }
});
