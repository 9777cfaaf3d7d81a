import { describe, expect, test } from 'vitest';
import { type FakeAnswer, fakeApi } from '../testing/fake-api.ts';
import { fakeRuntime } from '../testing/fake-runtime.ts';
import { type AddedStep, Waybill } from './index.ts';

async function setUp(...answers: FakeAnswer[]) {
  const api = await fakeApi(...answers);
  const runtime = fakeRuntime();
  const { workflows } = new Waybill({ apiKey: 'wb_test', url: api.url, runtime });
  return { ...api, runtime, workflows };
}

const definition = { id: 'order', steps: [{ id: 'a', url: '/a' }] };
const added: AddedStep = { id: 'b', url: '/b', parent: 'a' };

test.each([
  ['create', 'POST /v1/workflows', { ...definition, context: { n: 1 } }],
  ['put', 'PUT /v1/workflows/order', definition],
  ['validate', 'POST /v1/workflows/validate', definition],
] as const)('%s sends %s; only create sends the context', async (method, line, body) => {
  const { workflows, seen } = await setUp();
  await workflows[method]({ ...definition, context: { n: 1 } });
  expect(seen.map((request) => `${request.method} ${request.url}`)).toEqual([line]);
  expect(seen[0]!.body).toEqual(body);
});

test.each([
  ['start', 'POST /v1/workflows/order/runs', (w: Waybill['workflows']) => w.start('order')],
  ['getStatus', 'GET /v1/runs/run_1', (w: Waybill['workflows']) => w.getStatus('run_1')],
  ['an id to be encoded', 'GET /v1/runs/a%2Fb%3F', (w: Waybill['workflows']) => w.getStatus('a/b?')],
  ['list', 'GET /v1/runs', (w: Waybill['workflows']) => w.list()],
  ['cancel', 'POST /v1/runs/run_1/cancel', (w: Waybill['workflows']) => w.cancel('run_1')],
  ['pause', 'POST /v1/runs/run_1/pause', (w: Waybill['workflows']) => w.pause('run_1')],
  ['resume', 'POST /v1/runs/run_1/resume', (w: Waybill['workflows']) => w.resume('run_1')],
  ['skipStep', 'POST /v1/runs/run_1/steps/a/skip', (w: Waybill['workflows']) => w.skipStep('run_1', 'a')],
  [
    'completeStep',
    'POST /v1/runs/run_1/steps/a/complete',
    (w: Waybill['workflows']) => w.completeStep('run_1', 'a'),
  ],
  ['retry', 'POST /v1/runs/run_1/retry', (w: Waybill['workflows']) => w.retry('run_1')],
  ['rerun', 'POST /v1/runs/run_1/rerun', (w: Waybill['workflows']) => w.rerun('run_1')],
  ['addSteps', 'POST /v1/runs/run_1/steps', (w: Waybill['workflows']) => w.addSteps('run_1', [added])],
  ['signal', 'POST /v1/runs/run_1/signals/a.b', (w: Waybill['workflows']) => w.signal('run_1', 'a.b')],
  [
    'approvalLink',
    'POST /v1/runs/run_1/steps/wait/approval',
    (w: Waybill['workflows']) => w.approvalLink('run_1', 'wait'),
  ],
  ['attempts', 'GET /v1/runs/run_1/steps/a/attempts', (w: Waybill['workflows']) => w.attempts('run_1', 'a')],
  ['get', 'GET /v1/workflows/order', (w: Waybill['workflows']) => w.get('order')],
  [
    'versions',
    'GET /v1/workflows/order/versions?limit=5',
    (w: Waybill['workflows']) => w.versions('order', { limit: 5 }),
  ],
])('%s sends %s', async (_name, line, call) => {
  const { workflows, seen } = await setUp({ json: { id: 'run_1' } });
  expect(await call(workflows)).toEqual({ id: 'run_1' });
  expect(seen.map((request) => `${request.method} ${request.url}`)).toEqual([line]);
});

test('what is passed travels: start input, idempotency key, cancel options', async () => {
  const { workflows, seen } = await setUp();
  const input = { context: { n: 1 }, version: 2, tags: ['x'], metadata: { k: 'v' } };
  await workflows.start('order', input, { idempotencyKey: 'once' });
  await workflows.create(definition, { idempotencyKey: 'twice' });
  await workflows.cancel('run_1', { compensate: false, reason: 'enough' });
  await workflows.cancel('run_1', { idempotencyKey: 'thrice' });
  const cancelled = { compensate: false, reason: 'enough' };
  expect(seen.map(({ body }) => body)).toEqual([input, definition, cancelled, {}]);
  expect(seen.map(({ headers }) => headers['idempotency-key'])).toEqual([
    'once',
    'twice',
    undefined,
    'thrice',
  ]);
});

test('commands by hand carry what they say, and an idempotency key as header alone', async () => {
  const { workflows, seen } = await setUp();
  await workflows.pause('run_1', { idempotencyKey: 'one' });
  await workflows.resume('run_1', { idempotencyKey: 'two' });
  await workflows.skipStep('run_1', 'a', { note: 'not today', idempotencyKey: 'three' });
  await workflows.completeStep('run_1', 'a', { result: { by: 'Ada' }, note: 'seen' });
  const completed = { result: { by: 'Ada' }, note: 'seen' };
  expect(seen.map(({ body }) => body)).toEqual([{}, {}, { note: 'not today' }, completed]);
  expect(seen.map(({ headers }) => headers['idempotency-key'])).toEqual(['one', 'two', 'three', undefined]);
});

test('what goes on with a run carries what it says, and an idempotency key as header alone', async () => {
  const { workflows, seen } = await setUp();
  await workflows.retry('run_1', { idempotencyKey: 'one' });
  await workflows.rerun('run_1', { fromStep: 'a', context: { n: 2 }, version: 3, idempotencyKey: 'two' });
  await workflows.addSteps('run_1', [added], { idempotencyKey: 'three' });
  await workflows.signal('run_1', 'approved', { by: 'Ada' }, { idempotencyKey: 'four' });
  await workflows.signal('run_1', 'approved');
  expect(seen.map(({ body }) => body)).toEqual([
    {},
    { fromStep: 'a', context: { n: 2 }, version: 3 },
    { steps: [added] },
    { payload: { by: 'Ada' } },
    { payload: null },
  ]);
  expect(seen.map(({ headers }) => headers['idempotency-key'])).toEqual([
    'one',
    'two',
    'three',
    'four',
    undefined,
  ]);
});

test('approvalLink gives the link', async () => {
  const link = { url: 'https://api.example/v1/approvals/t', expiresAt: '2026-01-01T00:05:00.000Z' };
  const { workflows } = await setUp({ json: link });
  expect(await workflows.approvalLink('run_1', 'wait')).toEqual(link);
});

test('list turns its filter into a query', async () => {
  const { workflows, seen } = await setUp();
  await workflows.list({
    workflow: 'order',
    state: 'failed',
    tag: 'a&b',
    limit: 2,
    cursor: 'c=',
    createdAfter: new Date(0),
    metadata: { tenant: 'x' },
  });
  const { searchParams } = new URL(seen[0]!.url, 'http://localhost');
  expect(Object.fromEntries(searchParams)).toEqual({
    workflow: 'order',
    state: 'failed',
    tag: 'a&b',
    limit: '2',
    cursor: 'c=',
    createdAfter: '1970-01-01T00:00:00.000Z',
    'metadata.tenant': 'x',
  });
});

describe('validate', () => {
  test('names the faults instead of rejecting', async () => {
    const errors = [{ path: 'steps', message: 'must have at least one step' }];
    const { workflows } = await setUp({ status: 422, json: { code: 'invalid_definition', errors } });
    expect(await workflows.validate(definition)).toEqual({ valid: false, errors, warnings: [] });
  });

  test('rejects when it could not check', async () => {
    const { workflows } = await setUp({ status: 401, json: { code: 'unauthorized' } });
    await expect(workflows.validate(definition)).rejects.toMatchObject({ code: 'unauthorized' });
  });
});

describe('wait', () => {
  const running = { json: { id: 'run_1', state: 'running' } };

  test.each(['completed', 'failed', 'cancelled'])('resolves when the run has %s', async (state) => {
    const { workflows, seen } = await setUp(running, { json: { id: 'run_1', state } });
    expect(await workflows.wait('run_1')).toMatchObject({ state });
    expect(seen.map(({ url }) => url)).toEqual(['/v1/runs/run_1?wait=30', '/v1/runs/run_1?wait=30']);
  });

  test('keeps to the run that a workflow key meant first', async () => {
    const { workflows, seen } = await setUp(running, { json: { id: 'run_1', state: 'completed' } });
    await workflows.wait('order');
    expect(seen.map(({ url }) => url.split('?')[0])).toEqual(['/v1/runs/order', '/v1/runs/run_1']);
  });

  test('gives up after its timeout, asks no longer than that, and does not hammer', async () => {
    const { workflows, seen, runtime } = await setUp(running);
    await expect(workflows.wait('run_1', { timeout: 1.2 })).rejects.toMatchObject({
      name: 'WaitTimeoutError',
      code: 'wait_timeout',
      runId: 'run_1',
      state: 'running',
    });
    expect(runtime.slept.map(Math.round)).toEqual([500, 500, 200]);
    expect(seen.map(({ url }) => url.split('=')[1])).toEqual(['2', '1', '1', '0']);
  });

  test('asks again at once when the server waited', async () => {
    const api = await setUp();
    const fetch = async () => {
      api.runtime.advance(30_000);
      return Response.json({ id: 'run_1', state: api.runtime.nowMs() < 90_000 ? 'running' : 'completed' });
    };
    const { workflows } = new Waybill({ apiKey: 'wb_test', fetch, runtime: api.runtime });
    expect(await workflows.wait('run_1')).toMatchObject({ state: 'completed' });
    expect(api.runtime.slept).toEqual([]);
  });

  test.each([Number.NaN, -1])('refuses the timeout %d', async (timeout) => {
    const { workflows } = await setUp(running);
    await expect(workflows.wait('run_1', { timeout })).rejects.toMatchObject({ code: 'invalid_timeout' });
  });
});
