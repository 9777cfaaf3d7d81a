/** The README's snippets are the files in readme/, and those run. */
import { readdirSync, readFileSync } from 'node:fs';
import { getRequestListener } from '@hono/node-server';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type FakeAnswer, fakeApi, listen } from '../testing/fake-api.ts';
import { signedInit, signedRequest, signingSecret, stepMessage } from '../testing/signed-request.ts';

const root = new URL('../', import.meta.url);
const charged = { success: true, result: { payment: 'paid', attempt: 1 } };

async function startApi(...answers: FakeAnswer[]) {
  const api = await fakeApi(...answers);
  vi.stubEnv('WAYBILL_URL', api.url);
  return api;
}

beforeEach(() => {
  vi.resetModules();
  vi.stubEnv('WAYBILL_API_KEY', 'wb_test');
  vi.stubEnv('WAYBILL_SIGNING_SECRET', signingSecret);
});

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

test('every snippet of the README is a file of readme/, and the other way round', () => {
  const readme = readFileSync(new URL('README.md', root), 'utf8');
  const snippets = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code);
  const files = readdirSync(new URL('readme/', root));
  const sources = files.map((file) => readFileSync(new URL(`readme/${file}`, root), 'utf8'));
  expect(snippets.sort()).toEqual(sources.sort());
});

test('start', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  const done = { id: 'run_1', state: 'completed', results: { ship: 1 } };
  const { seen } = await startApi({ status: 201, json: { id: 'run_1', state: 'running' } }, { json: done });
  await import('../readme/start.ts');
  expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
    'POST /v1/workflows',
    'GET /v1/runs/run_1?wait=30',
  ]);
  expect(seen[0]).toMatchObject({
    headers: { 'idempotency-key': 'order_123' },
    body: { id: 'order', context: { orderId: 'order_123' } },
  });
  expect(log).toHaveBeenCalledWith('completed', { ship: 1 });
});

test('repeat', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  const run = { metadata: { scheduledAt: '2026-01-01T02:00:00.000Z' }, state: 'completed' };
  const { seen } = await startApi({ json: {} }, { json: { data: [run], nextCursor: null } });
  await import('../readme/repeat.ts');
  expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
    'PUT /v1/schedules/nightly',
    'GET /v1/runs?metadata.schedule=nightly',
  ]);
  expect(log).toHaveBeenCalledWith(['2026-01-01T02:00:00.000Z completed']);
});

test('follow', async () => {
  const [log, warn] = (['log', 'error'] as const).map((name) =>
    vi.spyOn(console, name).mockImplementation(() => {}),
  );
  const events = [
    { type: 'run.created' },
    { type: 'step.completed', step: 'reserve', durationMs: 12 },
    { type: 'step.failed', step: 'charge', durationMs: 3, error: { code: 'declined', message: 'no money' } },
  ];
  const text = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
  await startApi({ headers: { 'content-type': 'text/event-stream' }, text }, { status: 204, text: '' });
  const { report } = await import('../readme/follow.ts');
  await report('run_1');
  expect(log!.mock.calls).toEqual([['reserve', '12 ms']]);
  expect(warn!.mock.calls).toEqual([['charge', 'no money']]);
});

test('handle', async () => {
  const { charge } = await import('../readme/handle.ts');
  expect(await (await charge(signedRequest())).json()).toEqual(charged);
});

test('approve', async () => {
  const { url, seen } = await startApi({ json: { accepted: true } });
  const { approve, decided } = await import('../readme/approve.ts');
  const callback = { url: `${url}/v1/callbacks/token`, expiresAt: '2026-01-01T00:05:00.000Z' };
  const ask = async () =>
    (await approve(signedRequest({ body: JSON.stringify({ ...stepMessage, callback }) }))).headers;
  expect((await ask()).get('waybill-callback')).toBe('pending');
  await decided('order_123', 'Ada', true);
  await decided('order_123', 'Bob', false);
  expect(seen.map(({ url }) => url)).toEqual(['/v1/callbacks/token', '/v1/callbacks/token']);
  expect(seen.map(({ body }) => body)).toEqual([
    { success: true, result: { by: 'Ada' } },
    { success: false, error: { code: 'declined', message: 'declined by Bob' } },
  ]);
  await expect(decided('order_124', 'Ada', true)).rejects.toThrow('nobody waits');
});

const withMembers = (members: object) =>
  signedRequest({ body: JSON.stringify({ ...stepMessage, ...members }) });

test('grow', async () => {
  const { split, notify } = await import('../readme/grow.ts');
  const send = (parcels: object[]) => split(withMembers({ context: { parcels } }));
  expect(await (await send([{ sku: 'S1' }])).json()).toEqual({
    success: true,
    result: { parcels: 1 },
    addSteps: [{ id: 'send-0', url: '/jobs/send', payload: { sku: 'S1' } }],
  });
  expect(await (await send([])).json()).toMatchObject({
    success: false,
    error: { code: 'empty' },
    addSteps: [{ id: 'tell', runCondition: 'onFailure' }],
  });
  const step = { ...stepMessage.step, id: 'notify[3]', index: 3, item: { address: 'ada@shop.example' } };
  const answer = await notify(withMembers({ step }));
  expect(await answer.json()).toEqual({ success: true, result: { place: 3, sentTo: 'ada@shop.example' } });
});

test('decide', async () => {
  const { seen } = await startApi({ json: { id: 'run_1' } });
  const { ask, decided } = await import('../readme/decide.ts');
  const answer = await ask(withMembers({ approvals: { approval: { url: 'https://api.example/a' } } }));
  expect(await answer.json()).toMatchObject({ result: { mailed: 'please decide: https://api.example/a' } });
  expect((await ask(signedRequest())).status).toBe(500);
  await decided('run_1', 'Ada');
  expect(seen).toMatchObject([
    { url: '/v1/runs/run_1/signals/approved', body: { payload: { approved: true, by: 'Ada' } } },
  ]);
});

test('recover', async () => {
  const failed = { id: 'run_1', state: 'failed', compensation: [] };
  const undone = { ...failed, compensation: [{ stepId: 'a' }] };
  const { seen } = await startApi(
    ...[{ json: { id: 'run_1', state: 'running' } }, { json: failed }, { json: failed }, { json: undone }],
    { status: 201, json: { id: 'run_2' } },
  );
  const { recover } = await import('../readme/recover.ts');
  expect([await recover('run_1'), await recover('run_1'), await recover('run_1')]).toEqual([
    ...['run_1', 'run_1', 'run_2'],
  ]);
  const posts = seen.filter(({ method }) => method === 'POST');
  expect(posts.map(({ url }) => url)).toEqual(['/v1/runs/run_1/retry', '/v1/runs/run_1/rerun']);
});

test('verify', async () => {
  const { POST } = await import('../readme/verify.ts');
  const answer = await POST(signedRequest());
  expect(await answer.json()).toEqual({ success: true, result: { charged: 'order_123' } });
  expect((await POST(signedRequest({ ageSeconds: 1000 }))).status).toBe(401);
});

describe('mounting in', () => {
  const chargeAt = async (url: string) => (await fetch(`${url}/jobs/charge`, signedInit())).json();

  test('Hono', async () => {
    const { app } = await import('../readme/web.ts');
    expect(await chargeAt(await listen(getRequestListener(app.fetch)))).toEqual(charged);
  });

  test('Express', async () => {
    const { app } = await import('../readme/node.ts');
    expect(await chargeAt(await listen(app))).toEqual(charged);
  });

  test('Fastify', async () => {
    const { app } = await import('../readme/fastify.ts');
    onTestFinished(() => app.close());
    expect(await chargeAt(await app.listen({ port: 0, host: '127.0.0.1' }))).toEqual(charged);
  });
});

test('errors', async () => {
  await startApi({ json: { id: 'run_1' } }, { status: 409, json: { code: 'run_ended' } }, { status: 404 });
  const { cancelIfRunning } = await import('../readme/errors.ts');
  expect(await cancelIfRunning('run_1')).toBe(true);
  expect(await cancelIfRunning('run_1')).toBe(false);
  await expect(cancelIfRunning('run_1')).rejects.toMatchObject({ status: 404 });
});
