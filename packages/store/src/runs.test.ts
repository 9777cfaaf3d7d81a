import type { RunEvent } from '@waybill/engine';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as h from '../test/harness.ts';
import {
  changedRuns,
  findLatestRun,
  findRun,
  findRuns,
  listRuns,
  type RunFilter,
  readEvents,
  readJournals,
} from './runs.ts';

let database: h.TestDatabase;
const ids = Array.from({ length: 6 }, () => h.newUuid());
const at = 1_700_000_000_000;
beforeAll(async () => {
  database = await h.startDatabase();
  const journal = h.unfencedJournal(database.url);
  const metadata = ['{"k":"v","team":"a"}', '{"k":"v"}', '{"k":"w"}', null, '{}', '{"team":"a"}'];
  for (const [index, id] of ids.entries()) {
    await journal.append(
      h.creation(h.newRef(id), {
        workflowKey: index < 4 ? 'flow' : 'other',
        tags: index % 2 === 0 ? ['even', 'x'] : ['odd'],
        metadata: metadata[index]!,
        createdAtMs: at + index,
        startedAtMs: index < 2 ? null : at,
      }),
    );
  }
  await journal.append(h.creation(h.newRef(), { projectUuid: h.newUuid() }));
  await journal.close();
});
afterAll(() => database.stop());

async function listed(filter: Partial<RunFilter>): Promise<number[]> {
  const rows = await listRuns(database.sql, { projectUuid: h.projectUuid, limit: 100, ...filter });
  return rows.map((row) => ids.indexOf(row.uuid));
}

describe('lists', () => {
  test.each<[string, Partial<RunFilter>, number[]]>([
    ['everything of the project, newest first', {}, [5, 4, 3, 2, 1, 0]],
    ['a workflow', { workflowKey: 'other' }, [5, 4]],
    ['a state', { state: 'pending' }, [1, 0]],
    ['a tag', { tag: 'even' }, [4, 2, 0]],
    ['one pair of metadata', { metadata: { k: 'v' } }, [1, 0]],
    ['several pairs of metadata', { metadata: { k: 'v', team: 'a' } }, [0]],
    ['created after', { createdAfterMs: at + 3 }, [5, 4]],
    ['created before', { createdBeforeMs: at + 2 }, [1, 0]],
    ['all at once', { workflowKey: 'flow', state: 'running', tag: 'even', createdAfterMs: at }, [2]],
    ['a page', { limit: 2 }, [5, 4]],
    ['the next page', { limit: 2, beforeUuid: ids[4] }, [3, 2]],
    ['a page past the end', { beforeUuid: ids[0] }, []],
  ])('%s', async (_, filter, expected) => {
    expect(await listed(filter)).toEqual(expected);
  });
});

test('single runs: by id, the newest of a workflow, several at once', async () => {
  expect(await findRun(database.sql, ids[2]!)).toMatchObject({
    uuid: ids[2],
    state: 'running',
    metadata: '{"k":"w"}',
  });
  expect(await findRun(database.sql, h.newUuid())).toBeNull();
  expect((await findLatestRun(database.sql, h.projectUuid, 'flow'))?.uuid).toBe(ids[3]);
  expect(await findLatestRun(database.sql, h.projectUuid, 'none')).toBeNull();
  const rows = await findRuns(database.sql, [ids[5]!, ids[0]!, h.newUuid()]);
  expect(rows.map((row) => row.uuid).sort()).toEqual([ids[0], ids[5]]);
  expect(await findRuns(database.sql, [])).toEqual([]);
});

test('events come back as they were appended, and changes are seen by seq', async () => {
  const journal = h.unfencedJournal(database.url);
  const run = h.newRef();
  const events: RunEvent[] = [
    { type: 'run.created', at, started: true },
    { type: 'attempt.started', at: at + 1, delivery: 'step', step: 'a', attempt: 1 },
    {
      ...{
        type: 'attempt.failed',
        at: at + 2,
        delivery: 'step',
        step: 'a',
        attempt: 1,
        startedAt: at + 1,
        status: 503,
      },
      ...{
        error: { code: 'http_503', message: 'it\'s \\ "down"\0\ud800', status: 503 },
        retryAt: at + 9.5,
        excerpt: '𝄞',
      },
    },
    {
      ...{
        type: 'step.completed',
        at: at + 3,
        delivery: 'step',
        step: 'a',
        attempt: 2,
        startedAt: at + 2,
        status: 200,
      },
      result: '{"n": 12345678901234567890, "n": 1e400, "s": "\\u0000\\ud800 \'"}',
    },
    { type: 'hook.delivered', at: at + 4, delivery: 'hook', attempt: 1, startedAt: at + 3, status: 204 },
    { type: 'command.refused', at: at + 5, commandId: 'c', code: 'run_ended', detail: 'late' },
  ];
  await journal.append(h.entry(run, { events, create: h.newRun() }));
  await journal.close();
  const stored = await readEvents(database.sql, run.uuid, 0);
  expect(stored.map(({ event }) => event)).toEqual(events);
  expect(stored.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(await readEvents(database.sql, run.uuid, 4)).toEqual(stored.slice(4));
  const journals = await readJournals(database.sql, [run.uuid, ids[0]!, h.newUuid()]);
  expect([...journals.keys()].sort()).toEqual([ids[0], run.uuid].sort());
  expect(journals.get(run.uuid)).toEqual(stored);
  const watched = [
    { runUuid: run.uuid, seq: 5 },
    { runUuid: ids[0]!, seq: 1 },
  ];
  expect(await changedRuns(database.sql, watched)).toEqual([run.uuid]);
  expect(await changedRuns(database.sql, [{ runUuid: run.uuid, seq: 6 }])).toEqual([]);
});
