import { expect, test } from 'vitest';
import { fakeApi } from '../testing/fake-api.ts';
import { fakeRuntime } from '../testing/fake-runtime.ts';
import { ApiError, type ScheduleInput, Waybill } from './index.ts';

const nightly: ScheduleInput = {
  id: 'nightly',
  workflow: 'report',
  cron: '0 3 * * *',
  timeZone: 'Europe/Berlin',
};
type Schedules = Waybill['schedules'];

async function setUp(...answers: Parameters<typeof fakeApi>) {
  const api = await fakeApi(...answers);
  const { schedules } = new Waybill({ apiKey: 'wb_test', url: api.url, runtime: fakeRuntime() });
  return { ...api, schedules };
}

test.each([
  ['create', 'POST /v1/schedules', nightly, (s: Schedules) => s.create(nightly)],
  ['put', 'PUT /v1/schedules/nightly', nightly, (s: Schedules) => s.put(nightly)],
  ['get', 'GET /v1/schedules/a%2Fb', undefined, (s: Schedules) => s.get('a/b')],
  [
    'list',
    'GET /v1/schedules?limit=5&cursor=x',
    undefined,
    (s: Schedules) => s.list({ limit: 5, cursor: 'x' }),
  ],
  ['pause', 'POST /v1/schedules/nightly/pause', {}, (s: Schedules) => s.pause('nightly')],
  ['resume', 'POST /v1/schedules/nightly/resume', {}, (s: Schedules) => s.resume('nightly')],
  ['trigger', 'POST /v1/schedules/nightly/trigger', {}, (s: Schedules) => s.trigger('nightly')],
])('%s sends %s', async (_name, line, body, call) => {
  const { schedules, seen } = await setUp({ json: { id: 'nightly' } });
  expect(await call(schedules)).toEqual({ id: 'nightly' });
  expect(seen.map(({ method, url, body }) => [`${method} ${url}`, body])).toEqual([[line, body]]);
});

test('delete gives nothing, and is repeated when the server is busy', async () => {
  const { schedules, seen } = await setUp({ status: 503 }, { status: 204, text: '' });
  expect(await schedules.delete('nightly')).toBeUndefined();
  expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual(
    Array(2).fill('DELETE /v1/schedules/nightly'),
  );
});

test('with a key a trigger is repeated, without one it is not', async () => {
  const keyed = await setUp({ hangUp: true }, { status: 201, json: { id: 'run_1' } });
  expect(await keyed.schedules.trigger('nightly', { idempotencyKey: 'k' })).toEqual({ id: 'run_1' });
  expect(keyed.seen.map(({ headers }) => headers['idempotency-key'])).toEqual(['k', 'k']);
  const plain = await setUp({ status: 503, json: { code: 'unavailable', detail: 'no' } });
  await expect(plain.schedules.trigger('nightly')).rejects.toBeInstanceOf(ApiError);
  expect(plain.seen).toHaveLength(1);
});
