/** A project of which more is started than worked off. */
import { beforeEach, expect, test } from 'vitest';
import { useApi } from '../test/harness.ts';
import { headersOf } from '../test/raw-headers.ts';

const api = useApi({}, { backlogMax: 5 });
const definition = { id: 'order', steps: [{ id: 'a', url: '/a' }] };
const create = (call: object = {}) => api.now.call('POST /v1/workflows', { body: definition, ...call });
const status = async () => (await create()).status;

/** Runs that have waited for so long. */
const queue = (seconds: number, count: number) => api.now.database`
  insert into run_queue (run_id, project_id, ready_at, bytes)
  select gen_random_uuid(), ${api.now.projectUuid}, now() - ${seconds} * interval '1 s', 1
    from generate_series(1, ${count})`;
const empty = () => api.now.database`delete from run_queue`;
/** Old ones alone, one less than there may be: in one statement, or a look might come in between. */
const makeRoom = () => api.now.database`
  delete from run_queue where run_id not in
    (select run_id from run_queue where ready_at < now() - interval '30 s' limit 5)`;

beforeEach(async () => {
  await empty();
  await expect.poll(status).toBe(201);
  await empty();
});

test('is refused; a burst is not, nor are the others', async () => {
  await queue(1, 20);
  for (let n = 0; n < 5; n++) expect(await status()).toBe(201);
  await empty();
  await queue(60, 6);
  // It is known from a look now and then.
  await expect.poll(status).toBe(429);
  const { body, headers } = await create();
  expect([body.code, headers.get('retry-after')]).toEqual(['too_many_runs', '2']);
  expect(body.limit).toEqual({ name: 'backlogMax', value: 5 });
  const theirs = { ...definition, steps: [{ id: 'a', url: 'http://h.test/a' }] };
  expect((await create({ body: theirs, key: api.now.stranger })).status).toBe(201);
  await makeRoom();
  await expect.poll(status).toBe(201);
  // There was room for one.
  expect(await status()).toBe(429);
  expect(new Set(api.now.refused)).toEqual(new Set(['too_many_runs']));
  expect(api.now.logged.join()).not.toContain('too_many');
});

test.each([
  ['without a key', () => ({})],
  [
    'with keys, which are looked up first',
    (n: number) => ({ 'idempotency-key': `key-${Math.random()}-${n}` }),
  ],
])('of many starts at once those find room that there is room for: %s', async (_, headers) => {
  await queue(60, 6);
  await expect.poll(status).toBe(429);
  await makeRoom();
  let started = 0;
  const burst = async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => create({ headers: headers(n) })));
    started += answers.filter(({ status }) => status === 201).length;
    return started;
  };
  await expect.poll(burst).toBeGreaterThan(0);
  // A look may come before the first one is written.
  expect(started).toBeLessThan(5);
});

test('starts of stored workflows are refused the same before anything is made of them', async () => {
  const url = '/v1/workflows/order/runs';
  await queue(60, 6);
  await expect.poll(status).toBe(429);
  const answer = await api.now.call(`POST ${url}`, { body: {} });
  const head = { method: 'POST', url, authorization: `Bearer ${api.now.admin}`, length: '2' };
  const knock = async () => {
    // A key is known for a second after its look-up.
    await api.now.call('GET /v1/runs');
    return api.now.api.refusalOf(head);
  };
  await expect.poll(knock).not.toBeNull();
  const refusal = (await knock())!;
  const { requestId, ...problem } = JSON.parse(refusal.body);
  expect([refusal.status, { ...problem, requestId: answer.body.requestId }]).toEqual([429, answer.body]);
  const headers = headersOf(refusal.headers);
  expect(headers.get('x-request-id')).toBe(requestId);
  for (const name of ['content-type', 'retry-after']) {
    expect(answer.headers.get(name)).toBe(headers.get(name));
  }
});
