import type { RunEvent } from '@waybill/engine';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as h from '../test/harness.ts';
import { type EventPageQuery, readEventPage } from './event-pages.ts';
import { readEvents } from './runs.ts';

let database: h.TestDatabase;
let runUuid: string;
const rowCount = 9;
/** Does not compress: long values are stored out of line. */
const large = JSON.stringify(Array.from({ length: 2000 }, (_, index) => Math.sin(index)));

beforeAll(async () => {
  database = await h.startDatabase();
  const journal = h.unfencedJournal(database.url);
  const run = h.newRef();
  runUuid = run.uuid;
  const completed = (attempt: number): RunEvent => ({
    ...{ type: 'step.completed', at: attempt, delivery: 'step', step: 'a', attempt, startedAt: 0 },
    result: large,
  });
  const events: RunEvent[] = [{ type: 'run.created', at: 0 }];
  for (let attempt = 1; attempt < rowCount; attempt++) events.push(completed(attempt));
  await journal.append(h.entry(run, { events, create: h.newRun() }));
  await journal.append(h.creation(h.newRef()));
  await journal.close();
});
afterAll(() => database.stop());

async function seqs(query: Partial<EventPageQuery>) {
  const all = { afterSeq: 0, rowsMax: 500, bytesMax: 1e9 };
  const { events, hasMore } = await readEventPage(database.sql, runUuid, { ...all, ...query });
  return { seqs: events.map(({ seq }) => seq), hasMore };
}

test.each<[string, Partial<EventPageQuery>, number[], boolean]>([
  ['everything', {}, [1, 2, 3, 4, 5, 6, 7, 8, 9], false],
  ['as many rows as there are', { rowsMax: 9 }, [1, 2, 3, 4, 5, 6, 7, 8, 9], false],
  ['fewer rows', { rowsMax: 4 }, [1, 2, 3, 4], true],
  ['the rows after', { afterSeq: 7, rowsMax: 4 }, [8, 9], false],
  ['nothing after the end', { afterSeq: 9 }, [], false],
  ['the row that crosses the bytes, and none behind it', { bytesMax: large.length + 100 }, [1, 2, 3], true],
  ['one row, however heavy', { afterSeq: 4, bytesMax: 1 }, [5], true],
  ['the last row, however heavy', { afterSeq: 8, bytesMax: 1 }, [9], false],
])('a page holds %s', async (_, query, expected, hasMore) => {
  expect(await seqs(query)).toEqual({ seqs: expected, hasMore });
});

test('its rows are those of the journal', async () => {
  const { events } = await readEventPage(database.sql, runUuid, { afterSeq: 2, rowsMax: 3, bytesMax: 1e9 });
  expect(events).toEqual((await readEvents(database.sql, runUuid, 2)).slice(0, 3));
});

test('it is read along the key of the table, and no further than it goes', async () => {
  const { sql, url } = database;
  await sql`
    insert into run_events (run_id, seq, type, at_ms)
    select ${runUuid}, seq, 'run.paused', seq from generate_series(${rowCount + 1}::int, 20000) as seq`;
  await sql`analyze run_events`;
  let text = '';
  const listening = h.connectDebug(url, (query) => {
    text = query;
  });
  await readEventPage(listening, runUuid, { afterSeq: 100, rowsMax: 50, bytesMax: 1e6 });
  await listening.end();
  const plan = await sql.unsafe<{ 'QUERY PLAN': string }[]>(`explain (analyze, timing off) ${text}`);
  const lines = plan.map((row) => row['QUERY PLAN']);
  expect(lines.find((line) => line.includes('Index Scan'))).toMatch(/rows=51(\.0+)? loops=1/);
  expect(lines.join('\n')).not.toContain('Seq Scan');
});
