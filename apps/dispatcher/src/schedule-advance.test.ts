import { defaultLimits } from '@waybill/protocol';
import { expect, test } from 'vitest';
import { planOf, step } from '../test/harness.ts';
import { dueSchedule } from '../test/schedules.ts';
import { type AdvanceFacts, planAdvance } from './schedule-advance.ts';

const definition = { tags: ['of flow'], metadata: { team: 'a', kind: 'flow' } };
const facts: AdvanceFacts = {
  nowMs: 3500,
  workflow: { plan: planOf([step('a')], definition), version: 7 },
  isLastOpen: false,
  limits: defaultLimits,
};
const before = '01890000-0000-7000-8000-000000000000';

test('a run for each tick, under an id that follows from schedule and tick', () => {
  const schedule = dueSchedule({ context: '{"n":1}' });
  const { advance, started } = planAdvance(schedule, facts);
  expect(started).toEqual([1000, 2000, 3000]);
  expect(advance).toMatchObject({ nextAtMs: 4000, error: null, posts: [] });
  expect(advance.last).toEqual({ atMs: 3000, runUuid: advance.runs[2]!.uuid });
  expect(advance.runs[0]).toMatchObject({
    run: { workflowKey: 'flow', version: 7, context: '{"n":1}', createdAtMs: 3500, startedAtMs: null },
    event: { type: 'run.created', at: 3500 },
  });
  const later = planAdvance(schedule, { ...facts, nowMs: 3900 });
  const uuids = (planned: typeof later) => planned.advance.runs.map(({ uuid }) => uuid);
  expect(uuids(later)).toEqual(uuids(planAdvance(schedule, facts)));
  expect(new Set([...uuids(later), ...uuids(planAdvance(dueSchedule(), facts))]).size).toBe(6);
});

test('tags and metadata are those of any start, and the schedule and its tick beside them', () => {
  const runOf = (fields: object) => planAdvance(dueSchedule(fields), facts).advance.runs[0]!.run;
  const plain = runOf({});
  expect(plain.tags).toEqual(['of flow']);
  const times = { schedule: 'nightly', scheduledAt: '1970-01-01T00:00:01.000Z' };
  expect(JSON.parse(plain.metadata!)).toEqual({ team: 'a', kind: 'flow', ...times });
  const own = runOf({ tags: [], metadata: '{"kind":"own"}' });
  expect([own.tags, JSON.parse(own.metadata!)]).toEqual([[], { team: 'a', kind: 'own', ...times }]);
});

test('skip: nothing while the run before goes on, and one at a time', () => {
  const schedule = dueSchedule({ overlap: 'skip', lastRunUuid: before });
  const free = planAdvance(schedule, facts);
  expect([free.started, free.skipped, free.advance.nextAtMs]).toEqual([[1000], 2, 4000]);
  const busy = planAdvance(schedule, { ...facts, isLastOpen: true });
  expect([busy.started, busy.skipped]).toEqual([[], 3]);
  expect(busy.advance).toMatchObject({ nextAtMs: 4000, last: null, error: undefined, runs: [] });
});

test('cancel: each run ends the one before, unless that has ended by itself', () => {
  const schedule = dueSchedule({ overlap: 'cancel', lastRunUuid: before });
  const { runs, posts } = planAdvance(schedule, { ...facts, isLastOpen: true }).advance;
  expect(posts.map(({ runUuid }) => runUuid)).toEqual([before, runs[0]!.uuid, runs[1]!.uuid]);
  expect(JSON.parse(posts[0]!.command)).toMatchObject({ type: 'cancel' });
  expect(new Set(posts.map(({ id }) => id)).size).toBe(3);
  const others = planAdvance({ ...schedule, nextAtMs: 3000 }, facts).advance;
  expect([others.runs.length, others.posts]).toEqual([1, []]);
});

test('what cannot be started is passed over, and the schedule says why', () => {
  const errorOf = (fields: object, other: Partial<AdvanceFacts>) => {
    const { advance, failed, started } = planAdvance(dueSchedule(fields), { ...facts, ...other });
    expect([advance.nextAtMs, advance.runs, started, failed]).toEqual([4000, [], [], 3]);
    return JSON.parse(advance.error!) as unknown;
  };
  const at = '1970-01-01T00:00:03.500Z';
  const gone = { code: 'unknown_workflow', message: 'no workflow "flow"', at };
  expect(errorOf({}, { workflow: null })).toEqual(gone);
  expect(errorOf({ version: 9 }, { workflow: null })).toEqual({
    ...gone,
    message: 'no version 9 of workflow "flow"',
  });
  expect(errorOf({ context: '{"a":"ü"}' }, { limits: { contextBytesMax: 9 } })).toEqual({
    code: 'context_too_large',
    message: 'the context has 10 bytes, above contextBytesMax 9',
    at,
  });
});

test('much to catch up with comes in portions, smaller ones when contexts are large', () => {
  const far = { ...facts, nowMs: 1_000_000 };
  const many = planAdvance(dueSchedule(), far);
  expect([many.started.length, many.advance.nextAtMs]).toEqual([50, 51_000]);
  const context = `{"a":"${'x'.repeat(1024 * 1024)}"}`;
  const limits = { contextBytesMax: 2 * 1024 * 1024 };
  expect(planAdvance(dueSchedule({ context }), { ...far, limits }).started).toHaveLength(3);
});
