import { expect, test } from 'vitest';
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

test('closing answers the waits at once', async () => {
  const api = await TestApi.start();
  const id = await api.start();
  const waits = [1, 2].map(() => api.call(`GET /v1/runs/${id}?wait=60`));
  const cancelling = api.call(`POST /v1/runs/${id}/cancel`, { body: {} });
  await expect.poll(() => api.database`select 1 from inbox`).toHaveLength(1);
  const closedAt = performance.now();
  api.api.close();
  expect((await Promise.all(waits)).map(({ body }) => body.state)).toEqual(['pending', 'pending']);
  expect((await cancelling).status).toBe(202);
  expect(performance.now() - closedAt).toBeLessThan(3000);
  await api.stop();
});
