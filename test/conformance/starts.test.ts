/** Starts of stored workflows: later, and many at once. */
import type { RunStatus, RunSummary } from '@waybill/sdk';
import { beforeAll, expect, test } from 'vitest';
import type { Problem } from '../support/client.ts';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();
beforeAll(async () => {
  const steps = [{ id: 'a', url: '/a' }];
  await platform.now.client.api('PUT', '/v1/workflows/plain', { timeout: 60, tags: ['own'], steps });
});

const start = (body: object) => platform.now.client.api<RunStatus>('POST', '/v1/workflows/plain/runs', body);
const startMany = (body: object, headers = {}) =>
  platform.now.client.api<{ data: RunSummary[] }>('POST', '/v1/workflows/plain/runs/batch', body, headers);

/** It counts from when the request was read, a moment before the run was written. */
function expectDelay({ startAt, createdAt }: RunStatus, ms: number): void {
  const delay = Date.parse(startAt!) - Date.parse(createdAt);
  expect(delay).toBeLessThanOrEqual(ms);
  expect(delay).toBeGreaterThan(ms - 60_000);
}

test('a delayed start is pending until its time, and its clocks run from there', async () => {
  const { client, handlers } = platform.now;
  const { status, body: run } = await start({ delay: '1s', context: { n: 1 } });
  expect([status, run.state, run.startedAt]).toEqual([201, 'pending', null]);
  expect(Date.parse(run.startAt!)).toBeGreaterThan(Date.parse(run.createdAt));
  const ended = await client.ended(run.id);
  expect([ended.state, ended.context]).toEqual(['completed', { n: 1 }]);
  expect(Date.parse(ended.startedAt!)).toBeGreaterThanOrEqual(Date.parse(run.startAt!));
  expect(handlers.requests('/a')).toHaveLength(1);
});

test('a run that is to start later can be cancelled, paused and given steps before', async () => {
  const { client, handlers } = platform.now;
  const { body: run } = await start({ runAt: new Date(Date.now() + 3_600_000).toISOString() });
  const command = (path: string, body: object = {}) => client.api('POST', `/v1/runs/${run.id}/${path}`, body);
  expect(await command('steps', { steps: [{ id: 'b', url: '/b' }] })).toMatchObject({ status: 200 });
  expect(await command('pause')).toMatchObject({ status: 200, body: { state: 'pending' } });
  expect(await command('resume')).toMatchObject({ status: 200, body: { state: 'pending', startedAt: null } });
  expect(await command('cancel')).toMatchObject({ status: 200, body: { state: 'cancelled' } });
  expect(handlers.requests('/a')).toHaveLength(0);
});

test('a time that has passed is now', async () => {
  const { body: run } = await start({ runAt: '2020-01-01T00:00:00Z' });
  expect(run.startAt).toBeNull();
  expect((await platform.now.client.ended(run.id)).state).toBe('completed');
});

test.each<[object, string]>([
  [{ delay: 1, runAt: '2030-01-01T00:00:00Z' }, 'runAt'],
  [{ delay: -1 }, 'delay'],
  [{ delay: 'soon' }, 'delay'],
  [{ runAt: 'tomorrow' }, 'runAt'],
  [{ delay: '366d' }, 'delay'],
  [{ runAt: '2999-01-01T00:00:00Z' }, 'runAt'],
])('%j is refused at %s', async (body, path) => {
  const answer = await platform.now.client.api<Problem>('POST', '/v1/workflows/plain/runs', body);
  expect(answer).toMatchObject({ status: 422, body: { code: 'invalid_request', errors: [{ path }] } });
});

test('many runs start at once, each with its own context and time, in the order of the request', async () => {
  const { client } = platform.now;
  const runs = Array.from({ length: 1000 }, (_, n) => ({
    context: { n },
    ...(n === 0 ? { tags: ['first'], metadata: { n: '0' } } : {}),
    ...(n === 999 ? { delay: '1h' } : {}),
  }));
  const { status, body } = await startMany({ runs });
  expect([status, body.data.length, new Set(body.data.map(({ id }) => id)).size]).toEqual([201, 1000, 1000]);
  expect(body.data[0]).toMatchObject({
    tags: ['first'],
    metadata: { n: '0' },
    workflowId: 'plain',
    version: 1,
  });
  expect(body.data[1]!.tags).toEqual(['own']);
  for (const n of [0, 1, 500, 998]) {
    expect(await client.ended(body.data[n]!.id)).toMatchObject({ state: 'completed', context: { n } });
  }
  const late = await client.status(body.data[999]!.id);
  expect(late.state).toBe('pending');
  expectDelay(late, 3_600_000);
});

test('a batch with an Idempotency-Key starts its runs once', async () => {
  const { client } = platform.now;
  const body = { runs: [{ context: { n: 1 } }, { context: { n: 2 } }, {}] };
  const ids = async () => {
    const answer = await startMany(body, { 'idempotency-key': 'batch' });
    expect(answer.status).toBe(201);
    return answer.body.data.map(({ id }) => id);
  };
  const [first, second] = await Promise.all([ids(), ids()]);
  expect(second).toEqual(first);
  for (const id of first) await client.ended(id);
  expect(await ids()).toEqual(first);
  const other = await startMany({ runs: [{}] }, { 'idempotency-key': 'batch' });
  expect(other).toMatchObject({ status: 409, body: { code: 'idempotency_key_reused' } });
});

test.each<[string, object, number, object]>([
  ['none', { runs: [] }, 422, { errors: [{ path: 'runs' }] }],
  [
    'too many',
    { runs: Array(1001).fill({}) },
    422,
    { errors: [{ path: 'runs' }], limit: { name: 'batchRunsMax', value: 1000 } },
  ],
  ['a faulty one', { runs: [{}, { context: [] }] }, 422, { errors: [{ path: 'runs[1].context' }] }],
  [
    'several faulty ones',
    { runs: [{}, { context: [], tags: [1] }, { delay: '366d' }] },
    422,
    { errors: [{ path: 'runs[1].tags[0]' }, { path: 'runs[1].context' }, { path: 'runs[2].delay' }] },
  ],
  ['an unknown field', { runs: [{ version: 1 }] }, 422, { errors: [{ path: 'runs[0].version' }] }],
  [
    'too large a context',
    { runs: [{}, { context: { x: 'x'.repeat(300_000) } }] },
    413,
    { limit: { name: 'contextBytesMax' } },
  ],
])('a batch of %s is refused whole', async (_, body, status, problem) => {
  const { client } = platform.now;
  const count = async () =>
    (await client.api<{ data: unknown[] }>('GET', '/v1/runs?tag=own&limit=100')).body.data.length;
  const before = await count();
  expect(await startMany(body)).toMatchObject({ status, body: problem });
  expect(await count()).toBe(before);
});
