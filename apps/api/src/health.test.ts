import { expect, test } from 'vitest';
import { TestStream } from '../test/event-stream.ts';
import { TestApi } from '../test/harness.ts';

test('health and readiness follow the process and the database, and need no key', async () => {
  const api = await TestApi.start();
  const id = await api.start();
  expect(await api.call('GET /healthz', { key: null })).toMatchObject({
    status: 200,
    body: { status: 'ok' },
  });
  expect(await api.call('GET /readyz', { key: null })).toMatchObject({
    status: 200,
    body: { status: 'ok', problems: [] },
  });
  await api.stopDatabase();
  expect((await api.call('GET /healthz', { key: null })).status).toBe(200);
  expect(await api.call('GET /readyz', { key: null })).toMatchObject({
    status: 503,
    body: { status: 'unavailable', problems: ['the database does not answer'] },
  });
  const { status, headers, text } = await api.call(`GET /v1/runs/${id}`);
  expect([status, headers.get('retry-after')]).toEqual([503, '1']);
  expect(text).not.toMatch(/127\.0\.0\.1|ECONN|postgres/i);
  await api.stop();
});

test('metrics are those of the process, and need no key', async () => {
  const metrics = { contentType: 'text/plain; version=0.0.4', text: async () => 'up 1\n', refused: () => {} };
  const api = await TestApi.start({}, { metrics });
  const { status, headers, text } = await api.call('GET /metrics', { key: null });
  expect([status, headers.get('content-type'), text]).toEqual([200, metrics.contentType, 'up 1\n']);
  await api.stop();
});

test('a stream on which nothing happens shows that it is alive, and ends when the API closes', async () => {
  const api = await TestApi.start({}, { streamHeartbeatMs: 20 });
  const stream = await TestStream.open(api, `/v1/runs/${await api.start()}/events?cursor=1`);
  const blocks = [await stream.block(), await stream.block(), await stream.block()];
  expect(blocks).toEqual([': waybill', ': heartbeat', ': heartbeat']);
  api.api.close();
  expect(await stream.next()).toBeNull();
  expect(api.api.stats).toMatchObject({ openStreams: 0, watchedRuns: 0 });
  await api.stop();
});

test('a stream ends when the database is lost: its client comes back with what it has', async () => {
  const api = await TestApi.start({}, { streamHeartbeatMs: 20 });
  const stream = await TestStream.open(api, `/v1/runs/${await api.start()}/events`);
  expect(await stream.next()).toMatchObject({ id: '1' });
  await api.stopDatabase();
  expect(await stream.next()).toBeNull();
  expect(api.api.stats).toMatchObject({ openStreams: 0, watchedRuns: 0 });
  expect(api.logged.join()).toContain('an event stream ended early');
  await api.stop();
});

test('closing answers the waits at once', async () => {
  const api = await TestApi.start();
  const id = await api.start();
  const waits = [1, 2].map(() => api.call(`GET /v1/runs/${id}?wait=60`));
  const cancelling = api.call(`POST /v1/runs/${id}/cancel`, { body: {} });
  await expect.poll(() => api.database`select 1 from inbox`).toHaveLength(1);
  api.api.close();
  expect((await Promise.all(waits)).map(({ body }) => body.state)).toEqual(['pending', 'pending']);
  expect((await cancelling).status).toBe(202);
  await api.stop();
});
