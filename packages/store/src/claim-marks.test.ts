import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { explainAnalyze } from '../test/explain.ts';
import * as h from '../test/harness.ts';
import { ClaimMarks } from './claim-marks.ts';
import { claimRuns, claimSql, lookAtQueue } from './claims.ts';

let database: h.TestDatabase;
let me: string;
beforeAll(async () => {
  database = await h.startDatabase();
});
beforeEach(async () => {
  await database.sql`truncate run_queue, inbox, dispatchers`;
  ({ uuid: me } = await h.register(database.url));
});
afterAll(() => database.stop());

const [first, second, third] = [h.newUuid(), h.newUuid(), h.newUuid()].sort() as [string, string, string];

/** Free runs of a project that became ready so many ms ago, one after the other. */
async function queue(project: string, count: number, agoMs = 0): Promise<string[]> {
  const rows = await database.sql.unsafe<{ run_id: string }[]>(
    `insert into run_queue (run_id, project_id, ready_at, bytes)
     select gen_random_uuid(), '${project}', now() - (${agoMs} + ${count} - n) * interval '1 ms', 1
       from generate_series(1, ${count}) n returning run_id`,
  );
  return rows.map((row) => row.run_id);
}

async function claim(marks: ClaimMarks, runs: number, owned?: Map<string, number>): Promise<string[]> {
  const share = owned && { runsMax: 5, owned };
  const room = { runs, bytes: 1_000_000, suspect: false, share };
  const claimed = await claimRuns(database.sql, me, room, marks.list());
  for (const { project, readyAtMs } of claimed) marks.claimed(project, readyAtMs);
  return claimed.map((run) => run.runUuid);
}

describe('with marks', () => {
  test('claims go on with the oldest, find projects without a mark, and take turns', async () => {
    const marks = new ClaimMarks();
    const flood = await queue(second, 1000, 5000);
    expect(new Set(await claim(marks, 100))).toEqual(new Set(flood.slice(0, 100)));
    const others = [...(await queue(first, 2)), ...(await queue(third, 2))];
    expect(new Set(await claim(marks, 10))).toEqual(new Set([...others, ...flood.slice(100, 106)]));
    expect(marks.list().map(({ project }) => project)).toEqual([first, second, third]);
    expect(new Set(await claim(marks, 5))).toEqual(new Set(flood.slice(106, 111)));
  });

  test('what became ready below its mark waits for the next look, and is claimed then', async () => {
    const marks = new ClaimMarks();
    await queue(first, 10);
    await claim(marks, 10);
    const [late] = await queue(first, 1, 60_000);
    expect(await claim(marks, 10)).toEqual([]);
    marks.looked(await lookAtQueue(database.sql));
    expect(await claim(marks, 10)).toEqual([late]);
  });

  test('what commits a little later than others is found at once', async () => {
    const marks = new ClaimMarks();
    await queue(first, 10);
    await claim(marks, 10);
    const [late] = await queue(first, 1, 100);
    expect(await claim(marks, 10)).toEqual([late]);
  });

  test('a look raises marks to now where nothing is ready, and leaves suspects out', async () => {
    const marks = new ClaimMarks();
    const [suspect] = await queue(first, 1, 60_000);
    await database.sql`update run_queue set claims = 2 where run_id = ${suspect!}`;
    await queue(second, 1, -3_600_000);
    const look = await lookAtQueue(database.sql);
    expect(look.projects).toEqual([
      { project: first, oldestMs: null },
      { project: second, oldestMs: null },
    ]);
    marks.looked(look);
    expect(marks.list().map(({ sinceMs }) => sinceMs)).toEqual([look.atMs - 500, look.atMs - 500]);
  });

  test('a look at an empty queue has the time', async () => {
    const { atMs, projects } = await lookAtQueue(database.sql);
    expect(projects).toEqual([]);
    expect(Math.abs(atMs - Date.now())).toBeLessThan(60_000);
  });

  test('a project gets no more than its share of the runs in memory, with a mark and without', async () => {
    const marks = new ClaimMarks();
    const flood = await queue(first, 20, 5000);
    const owned = new Map<string, number>();
    expect((await claim(marks, 10, owned)).sort()).toEqual(flood.slice(0, 5).sort());
    owned.set(first, 4);
    expect(await claim(marks, 10, owned)).toEqual([flood[5]]);
    owned.set(first, 6);
    const [other] = await queue(second, 1);
    expect(await claim(marks, 10, owned)).toEqual([other]);
  });
});

test('marks are bounded: of projects touched longest ago all is read', () => {
  const marks = new ClaimMarks();
  for (let n = 0; n < 1500; n++) marks.claimed(`project ${n}`, n);
  expect(marks.list()).toHaveLength(1000);
  expect(marks.list().some(({ project }) => project === 'project 0')).toBe(false);
});

describe('while an old snapshot keeps everything from being vacuumed', () => {
  const room = { runs: 100, bytes: 1_000_000 };

  /** What a claim reads: pages of tables and indexes. */
  async function pagesOf(marks: ClaimMarks): Promise<number> {
    const sql = h.connectDebug(database.url, () => {});
    await sql.unsafe('begin');
    const { pages } = await explainAnalyze(sql, claimSql(me, room, marks.list()));
    await sql.unsafe('rollback');
    await sql.end();
    return pages;
  }

  test('a claim with marks reads as little as on an empty queue, one without reads all that was claimed', async () => {
    const snapshot = await h.holdTransaction(
      database.url,
      'set transaction isolation level repeatable read; select count(*) from run_queue',
    );
    const marks = new ClaimMarks();
    const before = await pagesOf(marks);
    for (let n = 0; n < 20; n++) {
      await queue(first, 500, 10_000 - 500 * n);
      await claim(marks, 500);
      await database.sql`delete from run_queue`;
    }
    await queue(second, 1);
    const [withMarks, without] = [await pagesOf(marks), await pagesOf(new ClaimMarks())];
    await snapshot.release();
    expect(withMarks).toBeLessThan(before + 100);
    expect(without).toBeGreaterThan(4 * withMarks);
  });
});
