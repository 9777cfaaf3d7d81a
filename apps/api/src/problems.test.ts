import { Hono } from 'hono';
import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import type { ApiEnv } from './deps.ts';
import { onError } from './problems.ts';

test('an outage is logged once a second, with the number of requests between; what is a bug of ours each time', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const logged: Record<string, unknown>[] = [];
  const log = pino({ base: null }, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const refused: string[] = [];
  const app = new Hono<ApiEnv>();
  app.onError(
    onError({
      log,
      metrics: { ...{ contentType: '', text: async () => '' }, refused: (code) => void refused.push(code) },
    }),
  );
  app.get('/outage', () => {
    throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  });
  app.get('/bug', () => {
    throw new TypeError('x is not a function');
  });
  const ask = async (path: string) => (await app.request(path)).status;
  for (let n = 0; n < 100; n++) expect(await ask('/outage')).toBe(503);
  vi.advanceTimersByTime(999);
  expect([await ask('/outage'), await ask('/bug'), await ask('/bug')]).toEqual([503, 500, 500]);
  vi.advanceTimersByTime(1);
  await ask('/outage');
  expect(logged.map(({ msg, unlogged }) => [msg, unlogged])).toEqual([
    ['requests fail: the database is not available', undefined],
    ...[1, 2].map(() => ['request failed', undefined]),
    ['requests fail: the database is not available', 100],
  ]);
  expect(refused).toEqual(Array(102).fill('unavailable'));
  vi.useRealTimers();
});
