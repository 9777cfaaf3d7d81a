import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import * as h from '../test/harness.ts';
import { type DatabaseProxy, startProxy } from '../test/proxy.ts';
import { add, advance } from '../test/schedules.ts';
import { type Database, openDatabase } from './database.ts';
import { readInbox } from './inbox.ts';
import {
  commitAdvances,
  type DueSchedule,
  dueSchedules,
  lookAtSchedules,
  openRuns,
} from './schedule-ticks.ts';
import { findSchedule, pauseOrResume } from './schedules.ts';
import { storeVersion } from './workflows.ts';

let database: h.TestDatabase;
let proxy: DatabaseProxy;
let proxied: Database;
let sql: Database;
beforeAll(async () => {
  database = await h.startDatabase();
  sql = database.sql;
  await sql`insert into projects (id, name) values (${h.projectUuid}, 'test')`;
  proxy = await startProxy(database.url);
  proxied = await openDatabase(proxy.url, { name: 'proxied', max: 1 });
});
afterAll(async () => {
  await proxied.end({ timeout: 0 });
  await proxy.close();
  await database.stop();
});
beforeEach(() => sql`truncate schedules, runs, run_events, run_queue, inbox, dispatchers`);

const dueNow = async (from: Database = sql, without: readonly string[] = []) =>
  dueSchedules(from, { nowMs: (await lookAtSchedules(from)).nowMs, limit: 100, without });
const one = async () => (await dueNow())[0]!;
const rowsOf = async () => {
  const [counts] = await sql<{ runs: number; queued: number; events: number }[]>`
    select (select count(*)::int from runs) as runs, (select count(*)::int from run_queue) as queued,
           (select count(*)::int from run_events) as events`;
  return counts;
};

test('the schedule moves on and the runs of its ticks are there, in one commit', async () => {
  const uuid = await add(sql, 'a', { nextAtMs: 5000 });
  const found = await one();
  const step = advance(found);
  expect(await commitAdvances(sql, [step])).toBe(true);
  expect(await findSchedule(sql, h.projectUuid, 'a')).toMatchObject({
    ...{ uuid, nextAtMs: 6000, lastAtMs: 5000, lastRunUuid: step.runs[0]!.uuid, lastError: null },
  });
  expect(await rowsOf()).toEqual({ runs: 1, queued: 1, events: 1 });
  expect(await h.queueRow(sql, step.runs[0]!.uuid)).toEqual({ owner: null, claims: 0 });
});

test('of schedulers that race, one starts a tick', async () => {
  const keys = Array.from({ length: 40 }, (_, n) => `s${n}`);
  await Promise.all(keys.map((key) => add(sql, key)));
  const ticks = 3;
  /** Goes on until nothing is due any more, in steps of its own size. */
  const scheduler = async (size: number): Promise<number> => {
    for (let won = 0; ; ) {
      const due = (await dueNow()).filter(({ nextAtMs }) => nextAtMs <= ticks * 1000);
      if (due.length === 0) return won;
      // From both ends, so that they meet in the middle with their locks.
      const part = size % 2 === 0 ? due.slice(0, size) : due.slice(-size).reverse();
      if (
        await commitAdvances(
          sql,
          part.map((found) => advance(found)),
        )
      )
        won += part.length;
    }
  };
  const won = await Promise.all([scheduler(4), scheduler(5), scheduler(1)]);
  expect(won.reduce((sum, n) => sum + n)).toBe(ticks * keys.length);
  expect(await rowsOf()).toMatchObject({ runs: ticks * keys.length });
  const rows = await sql`
    select metadata, count(*)::int as runs from runs group by metadata having count(*) <> ${ticks}`;
  expect([...rows]).toEqual([]);
});

test('one that is not as it was found keeps the others of its message where they are', async () => {
  await add(sql, 'a');
  await add(sql, 'b');
  const [a, b] = (await dueNow()) as [DueSchedule, DueSchedule];
  expect(await commitAdvances(sql, [advance(a)])).toBe(true);
  expect(await commitAdvances(sql, [advance(b), advance(a)])).toBe(false);
  expect(await rowsOf()).toMatchObject({ runs: 1, queued: 1, events: 1 });
  expect((await dueNow()).map(({ nextAtMs }) => nextAtMs).toSorted()).toEqual([1000, 2000]);
});

test('an answer that is lost after the commit: the tick is started, and is not due again', async () => {
  await add(sql, 'a');
  const found = (await dueNow(proxied))[0]!;
  const cut = proxy.cutAt('answer');
  await expect(commitAdvances(proxied, [advance(found)])).rejects.toThrow();
  await cut;
  expect(await rowsOf()).toMatchObject({ runs: 1 });
  expect((await one()).nextAtMs).toBe(2000);
  // The same again, by whoever does not know.
  expect(await commitAdvances(sql, [advance(found)])).toBe(false);
  expect(await rowsOf()).toMatchObject({ runs: 1 });
});

test('a message that is lost on its way: the tick is due still', async () => {
  await add(sql, 'a');
  const found = (await dueNow(proxied))[0]!;
  const cut = proxy.cutAt('request');
  await expect(commitAdvances(proxied, [advance(found)])).rejects.toThrow();
  await cut;
  expect(await rowsOf()).toMatchObject({ runs: 0 });
  expect(await one()).toEqual(found);
});

test('what a client has changed meanwhile starts nothing', async () => {
  const uuid = await add(sql, 'a');
  const found = await one();
  const change = { uuid, revision: found.revision, isPaused: true, nowMs: Date.now(), nextAtMs: null };
  expect(await pauseOrResume(sql, change, null)).toBe(true);
  expect(await commitAdvances(sql, [advance(found)])).toBe(false);
  await sql`delete from schedules`;
  expect(await commitAdvances(sql, [advance(found)])).toBe(false);
  expect(await rowsOf()).toEqual({ runs: 0, queued: 0, events: 0 });
});

test('a tick that a change has brought back has its run already, and no second one', async () => {
  const uuid = await add(sql, 'a');
  const found = await one();
  const step = advance(found);
  await commitAdvances(sql, [step]);
  await sql`update schedules set next_at_ms = ${found.nextAtMs} where id = ${uuid}`;
  expect(await commitAdvances(sql, [step])).toBe(true);
  expect(await rowsOf()).toEqual({ runs: 1, queued: 1, events: 1 });
});

test('what is not startable is noted, and forgotten with the next run', async () => {
  await add(sql, 'a');
  const nothing = { runs: [], last: null };
  await commitAdvances(sql, [advance(await one(), { ...nothing, error: '{"code":"unknown_workflow"}' })]);
  await commitAdvances(sql, [advance(await one(), { ...nothing, error: undefined })]);
  const failed = await findSchedule(sql, h.projectUuid, 'a');
  expect(failed).toMatchObject({ lastError: '{"code":"unknown_workflow"}', lastAtMs: null, nextAtMs: 3000 });
  await commitAdvances(sql, [advance(await one())]);
  expect(await findSchedule(sql, h.projectUuid, 'a')).toMatchObject({ lastError: null, lastAtMs: 3000 });
});

test('the run before is told to end, in the same commit; one that has ended is not', async () => {
  await add(sql, 'a');
  const first = advance(await one());
  await commitAdvances(sql, [first]);
  const { uuid: runUuid } = first.runs[0]!;
  const cancel = () => ({ runUuid, id: h.newUuid(), command: '{"type":"cancel"}' });
  expect([...(await openRuns(sql, [runUuid, h.newUuid()]))]).toEqual([runUuid]);
  await commitAdvances(sql, [advance(await one(), { posts: [cancel()] })]);
  const { uuid: owner } = await h.register(database.url);
  await sql`update run_queue set owner = ${owner}`;
  expect(await readInbox(sql, owner, 10)).toMatchObject([{ runUuid, command: '{"type":"cancel"}' }]);
  await sql`delete from run_queue where run_id = ${runUuid}`;
  await sql`update runs set state = 'completed' where id = ${runUuid}`;
  expect([...(await openRuns(sql, [runUuid]))]).toEqual([]);
  expect(await commitAdvances(sql, [advance(await one(), { posts: [cancel()] })])).toBe(true);
  expect(await sql`select 1 from inbox`).toHaveLength(1);
});

test('due is what the clock of the database has passed, the newest first; nothing of projects that have to wait', async () => {
  const { nowMs, soonestMs } = await lookAtSchedules(sql);
  expect([Math.abs(nowMs - Date.now()) < 10_000, soonestMs]).toEqual([true, null]);
  await add(sql, 'future', { nextAtMs: nowMs + 3_600_000 });
  expect(await lookAtSchedules(sql)).toMatchObject({ soonestMs: nowMs + 3_600_000 });
  expect(await dueNow()).toEqual([]);
  await add(sql, 'old', { nextAtMs: 1000 });
  await add(sql, 'new', { nextAtMs: nowMs - 1000 });
  await add(sql, 'over', { nextAtMs: null });
  const paused = await add(sql, 'paused', { nextAtMs: 500 });
  await sql`update schedules set paused_at = now() where id = ${paused}`;
  expect(await lookAtSchedules(sql)).toMatchObject({ soonestMs: 1000 });
  expect((await dueNow()).map(({ key }) => key)).toEqual(['new', 'old']);
  expect(await dueNow(sql, [h.projectUuid])).toEqual([]);
  expect(await dueNow(sql, [h.newUuid()])).toHaveLength(2);
});

test('one look brings no more contexts into memory than there is room for', async () => {
  const context = JSON.stringify({ text: 'x'.repeat(3 * 1024 * 1024) });
  for (const key of ['a', 'b', 'c', 'd']) await add(sql, key, { context });
  expect(await dueNow()).toHaveLength(3);
});

test('the version to run is its own or the latest, and none of a workflow that is not there', async () => {
  const definition = (n: number) => ({
    projectUuid: h.projectUuid,
    key: 'flow',
    definition: `{"n":${n}}`,
    makeLatest: true,
  });
  await storeVersion(sql, definition(1));
  await storeVersion(sql, definition(2));
  await add(sql, 'latest', { nextAtMs: 3000 });
  await add(sql, 'pinned', { nextAtMs: 2000, version: 1 });
  await add(sql, 'gone', { nextAtMs: 1000, workflowKey: 'nothing' });
  expect((await dueNow()).map(({ runVersion }) => runVersion)).toEqual([2, 1, null]);
});

test('a look is a look at the end of an index, however many schedules there are', async () => {
  await sql`
    insert into schedules (id, project_id, key, workflow_key, every_ms, context, catch_up, overlap, created_at,
                           updated_at, next_at_ms, paused_at)
    select gen_random_uuid(), ${h.projectUuid}, n::text, 'flow', 1000, '{}', 'all', 'allow', now(), now(),
           2000000000000 + n, case when n % 2 = 0 then now() end from generate_series(1, 20000) n`;
  await sql`analyze schedules`;
  const queries: string[] = [];
  const debug = h.connectDebug(database.url, (query) => void queries.push(query));
  await lookAtSchedules(debug);
  await dueSchedules(debug, { nowMs: 1, limit: 100, without: [] });
  await debug.end();
  for (const query of queries) {
    const plan = (await sql.unsafe<{ 'QUERY PLAN': string }[]>(`explain ${query}`)).map(
      (row) => row['QUERY PLAN'],
    );
    expect(plan.join('\n')).toMatch(/schedules_due/);
    expect(plan.join('\n')).not.toMatch(/Seq Scan on schedules/);
  }
});
