import type { Page, RunSummary, Schedule } from '@waybill/sdk';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { gate } from '../support/handlers.ts';
import { type Platform, startPlatform } from '../support/platform.ts';

let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform();
  const { client } = platform;
  await client.api('PUT', '/v1/workflows/ticked', { steps: [{ id: 'a', url: '/tick' }] });
});
afterAll(() => platform.stop());
beforeEach(() => platform.handlers.reset());

/** Every second, from now on. */
async function schedule(id: string, fields: object = {}): Promise<Schedule> {
  const body = { workflow: 'ticked', every: 1, ...fields };
  return (await platform.client.api<Schedule>('PUT', `/v1/schedules/${id}`, body)).body;
}

async function paused(id: string): Promise<Schedule> {
  return (await platform.client.api<Schedule>('POST', `/v1/schedules/${id}/pause`)).body;
}

/** Oldest first. */
async function runsOf(id: string): Promise<readonly RunSummary[]> {
  const path = `/v1/runs?metadata.schedule=${id}&limit=100`;
  return (await platform.client.api<Page<RunSummary>>('GET', path)).body.data.toReversed();
}

const ticked = async (outcome: string) =>
  (await platform.client.metrics()).get(`waybill_schedule_ticks_total{outcome="${outcome}"}`) ?? 0;

test('runs start by themselves, tick by tick, with what the schedule gives them', async () => {
  const { createdAt } = await schedule('often', { catchUp: 'all', context: { n: 7 }, tags: ['t'] });
  await platform.handlers.waitFor('/tick', 3);
  const { lastAt, lastRunId, state } = await paused('often');
  const runs = await runsOf('often');
  const from = Date.parse(createdAt);
  expect(runs.map(({ metadata }) => Date.parse(metadata.scheduledAt!))).toEqual(
    runs.map((_, index) => from + (index + 1) * 1000),
  );
  expect([state, runs.length >= 3, runs.at(-1)!.id]).toEqual(['paused', true, lastRunId]);
  expect(lastAt).toBe(runs.at(-1)!.metadata.scheduledAt);
  expect(runs[0]).toMatchObject({ workflowId: 'ticked', version: 1, tags: ['t'] });
  expect(platform.handlers.requests('/tick')[0]!.body.context).toEqual({ n: 7 });
  expect(await ticked('started')).toBeGreaterThanOrEqual(3);
});

test('skip: no run while the one before has not ended', async () => {
  const held = gate();
  platform.handlers.on('/tick', async () => {
    await held.opened;
    return {};
  });
  const before = await ticked('skipped');
  await schedule('alone', { overlap: 'skip' });
  await platform.handlers.waitFor('/tick');
  await expect.poll(() => ticked('skipped')).toBeGreaterThan(before);
  expect(await runsOf('alone')).toHaveLength(1);
  held.open();
  await platform.handlers.waitFor('/tick', 2);
  await paused('alone');
});

test('cancel: the one before is cancelled, and the next one runs', async () => {
  const held = gate();
  platform.handlers.on('/tick', async () => {
    await held.opened;
    return {};
  });
  await schedule('newest', { overlap: 'cancel' });
  await platform.handlers.waitFor('/tick', 2);
  await paused('newest');
  const [first] = await runsOf('newest');
  const { state, error } = await platform.client.ended(first!.id);
  expect([state, error?.message]).toEqual(['cancelled', 'the next run of its schedule starts']);
  held.open();
});

test('a new version is run from the next tick on, by a schedule that names none', async () => {
  await schedule('latest');
  await platform.handlers.waitFor('/tick');
  await platform.client.api('PUT', '/v1/workflows/ticked', { steps: [{ id: 'a', url: '/tock' }] });
  await platform.handlers.waitFor('/tock');
  await paused('latest');
  expect((await runsOf('latest')).at(-1)!.version).toBe(2);
});

test('what was missed while nobody was there is caught up with, as the schedule says', async () => {
  await schedule('every', { catchUp: 'all', version: 1 });
  await schedule('last', { catchUp: 'latest', version: 1 });
  await platform.handlers.waitFor('/tick', 2);
  await platform.kill();
  const missed = { first: Date.now(), until: Date.now() + 3000 };
  await expect.poll(() => Date.now()).toBeGreaterThan(missed.until);
  await platform.restart();
  const ticksOf = async (id: string) =>
    (await runsOf(id)).map(({ metadata }) => Date.parse(metadata.scheduledAt!));
  for (const id of ['every', 'last']) {
    await expect.poll(async () => (await ticksOf(id)).at(-1)).toBeGreaterThan(missed.until);
    await paused(id);
  }
  const [every, last] = [await ticksOf('every'), await ticksOf('last')];
  expect(every).toEqual(every.map((_, index) => every[0]! + index * 1000));
  expect(last.filter((at) => at > missed.first && at < missed.until).length).toBeLessThanOrEqual(1);
});
