import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Call, useApi } from '../test/harness.ts';

const api = useApi({ contextBytesMax: 1000 });
const hourly = { workflow: 'order', cron: '0 * * * *' };

beforeAll(async () => {
  for (const url of ['/1', '/2']) {
    const body = { steps: [{ id: 'a', url }], tags: ['of order'], metadata: { team: 'x' } };
    await api.now.call('PUT /v1/workflows/order', { body });
  }
});
beforeEach(() => api.now.database`delete from schedules`);

const call = (line: string, body?: object, options: Call = {}) =>
  api.now.call(line, { ...(body ? { body } : {}), ...options });
const create = (body: object, options: Call = {}) => call('POST /v1/schedules', body, options);
const get = async (id: string) => (await call(`GET /v1/schedules/${id}`)).body;
const keyed = (key: string) => ({ headers: { 'idempotency-key': key } });

async function faultsOf(body: object): Promise<string[]> {
  const { status, body: problem } = await create(body);
  expect([status, problem.code]).toEqual([422, 'invalid_request']);
  return (problem.errors as { path: string; message: string }[]).map(
    ({ path, message }) => `${path}: ${message}`,
  );
}

/** Whether ticks are so many ms apart. */
function gaps(times: unknown): number[] {
  const ms = (times as string[]).map((text) => Date.parse(text));
  return ms.slice(1).map((at, index) => at - ms[index]!);
}

describe('creating', () => {
  test('201 with all of it, the next ticks too; defaults are filled in', async () => {
    const body = { id: 'hourly', ...hourly, context: { n: 1 }, metadata: { k: 'v' } };
    const { status, headers, body: made } = await create(body);
    expect([status, headers.get('location')]).toEqual([201, '/v1/schedules/hourly']);
    expect(made).toMatchObject({
      ...{ ...body, version: null, timeZone: 'UTC', every: null, tags: null },
      ...{ catchUp: 'latest', overlap: 'allow', state: 'active' },
      ...{ lastAt: null, lastRunId: null, lastError: null },
    });
    const upcoming = made.upcoming as string[];
    expect([upcoming.length, upcoming[0], gaps(upcoming)]).toEqual([
      5,
      made.nextAt,
      Array(4).fill(3_600_000),
    ]);
    expect(upcoming[0]).toMatch(/:00:00\.000Z$/);
    expect(await get('hourly')).toEqual(made);
  });

  test('every is counted from the creation', async () => {
    const { body } = await create({
      id: 'often',
      workflow: 'order',
      version: 1,
      every: '90s',
      catchUp: 'all',
    });
    expect(body).toMatchObject({ every: 90, cron: null, timeZone: null, version: 1, catchUp: 'all' });
    const first = Date.parse(body.nextAt as string) - Date.parse(body.createdAt as string);
    expect([first, gaps(body.upcoming)]).toEqual([90_000, Array(4).fill(90_000)]);
  });

  test('a pattern means the time of its zone', async () => {
    const { body } = await create({
      id: 'z',
      workflow: 'order',
      cron: '0 9 * * *',
      timeZone: 'Asia/Kathmandu',
    });
    expect(body.upcoming).toEqual(Array(5).fill(expect.stringMatching(/T03:15:00\.000Z$/)));
  });

  test('a context travels as it came', async () => {
    const context = '{"n":12345678901234567890,"a":1e2}';
    const body = `{"id":"raw","workflow":"order","every":60,"context":${context}}`;
    const options = { body, headers: { 'content-type': 'application/json' } };
    expect((await api.now.call('POST /v1/schedules', options)).text).toContain(`"context":${context}`);
  });

  test('all faults at once, each with its path', async () => {
    const body = {
      ...{ id: 'no/id', workflow: 'nothing', cron: '99 * * * *', timeZone: 'Mars/Olympus', every: '1m' },
      ...{ context: [], tags: [1], catchUp: 'some', more: 1 },
      metadata: { schedule: 'x', scheduledAt: 'y', fine: 'z' },
    };
    expect((await faultsOf(body)).map((fault) => fault.replace(/:.*/, '')).toSorted()).toEqual([
      ...['catchUp', 'context', 'cron', 'every', 'id', 'metadata.schedule', 'metadata.scheduledAt', 'more'],
      ...['tags[0]', 'timeZone', 'timeZone', 'workflow'],
    ]);
  });

  test('what fits together in no way is refused', async () => {
    const id = 'x';
    const either = 'every: a schedule has either cron or every, not both and not neither';
    expect(await faultsOf({ id, workflow: 'order' })).toEqual([either]);
    expect(await faultsOf({ id, ...hourly, version: 9 })).toEqual(['version: no version 9 of "order"']);
    expect(await faultsOf({ id, workflow: 'nothing', version: 9, every: 60 })).toEqual([
      'workflow: no workflow "nothing"',
    ]);
    expect(await faultsOf({ id, workflow: 'order', every: 60, timeZone: 'UTC' })).toEqual([
      'timeZone: is for cron alone',
    ]);
    expect(await faultsOf({ id, workflow: 'order', cron: '0 0 30 2 *' })).toEqual(['cron: never fires']);
    expect(await faultsOf({ id, workflow: 'order', every: 0.5 })).toEqual([
      expect.stringMatching(/^every: must be from 1 to/),
    ]);
  });

  test('a context above its limit is 413, and the limit is named', async () => {
    const { status, body } = await create({ id: 'x', ...hourly, context: { text: 'x'.repeat(1000) } });
    expect([status, body.code, body.limit]).toEqual([
      413,
      'context_too_large',
      { name: 'contextBytesMax', value: 1000 },
    ]);
  });

  test('an id that is taken is 409; the same request with its key is the same schedule', async () => {
    const body = { id: 'once', ...hourly };
    const first = await create(body, keyed('schedule-once'));
    expect(await api.now.problem('POST /v1/schedules', { body })).toEqual([409, 'schedule_exists']);
    const again = await create(body, keyed('schedule-once'));
    expect([again.status, again.text]).toEqual([201, first.text]);
    const other = { body: { ...body, overlap: 'skip' }, ...keyed('schedule-once') };
    expect(await api.now.problem('POST /v1/schedules', other)).toEqual([409, 'idempotency_key_reused']);
  });

  test('of many at once with one id, one is made', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => create({ id: 'race', ...hourly })));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array(7).fill(409)]);
  });

  test('a project has a thousand, and no more', async () => {
    await api.now.database`
      insert into schedules (id, project_id, key, workflow_key, every_ms, context, catch_up, overlap, created_at, updated_at)
      select gen_random_uuid(), ${api.now.projectUuid}, 'n' || n, 'order', 1000, '{}', 'all', 'allow', now(), now()
        from generate_series(1, 1000) n`;
    const { status, body } = await create({ id: 'x', ...hourly });
    const limit = { name: 'schedulesMax', value: 1000 };
    expect([status, body.code, body.limit]).toEqual([422, 'too_many_schedules', limit]);
    const put = { body: hourly };
    expect(await api.now.problem('PUT /v1/schedules/x', put)).toEqual([422, 'too_many_schedules']);
    expect((await call('PUT /v1/schedules/n7', hourly)).status).toBe(200);
  });
});

describe('replacing', () => {
  test('PUT creates, then replaces: what is not said any more has its default again', async () => {
    const first = await call('PUT /v1/schedules/p', { ...hourly, overlap: 'skip', tags: ['a'] });
    expect([first.status, first.body.overlap]).toEqual([201, 'skip']);
    const second = await call('PUT /v1/schedules/p', { workflow: 'order', every: 60 });
    expect([second.status, second.body.createdAt]).toEqual([200, first.body.createdAt]);
    expect(second.body).toMatchObject({ cron: null, every: 60, overlap: 'allow', tags: null });
    const from = Date.parse(second.body.createdAt as string);
    expect((Date.parse(second.body.nextAt as string) - from) % 60_000).toBe(0);
  });

  test('one that is paused stays paused', async () => {
    await create({ id: 'p', ...hourly });
    await call('POST /v1/schedules/p/pause');
    const { body } = await call('PUT /v1/schedules/p', { ...hourly, cron: '30 * * * *' });
    expect(body).toMatchObject({ state: 'paused', nextAt: null, upcoming: [], cron: '30 * * * *' });
    const resumed = await call('POST /v1/schedules/p/resume');
    expect(resumed.body.nextAt).toMatch(/:30:00\.000Z$/);
  });

  test('the id in the body, if any, is that in the path', async () => {
    const { status, body } = await call('PUT /v1/schedules/p', { id: 'q', ...hourly });
    expect([status, body.errors]).toEqual([
      422,
      [{ path: 'id', message: '"q" is not the id in the path, "p"' }],
    ]);
  });

  test('at once by many, it is there once and as somebody said', async () => {
    const puts = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        call('PUT /v1/schedules/race', { workflow: 'order', every: 60 + n }),
      ),
    );
    expect(puts.map(({ status }) => status).toSorted()).toEqual([...Array(7).fill(200), 201]);
  });
});

describe('pausing and resuming', () => {
  test('nothing comes next while it is paused; a resume begins from then on', async () => {
    await create({ id: 'p', workflow: 'order', every: 3600 });
    const paused = await call('POST /v1/schedules/p/pause');
    expect([paused.status, paused.body.state, paused.body.nextAt]).toEqual([200, 'paused', null]);
    // Many ticks were missed.
    await api.now.database`update schedules set next_at_ms = 1000, created_at = '2020-01-01'`;
    const { body } = await call('POST /v1/schedules/p/resume');
    const inMs = Date.parse(body.nextAt as string) - Date.now();
    expect([body.state, inMs > -10_000 && inMs <= 3_600_000]).toEqual(['active', true]);
  });

  test('twice is once, and a resume of what is not paused leaves a tick that is due', async () => {
    await create({ id: 'p', ...hourly });
    await api.now.database`update schedules set next_at_ms = 1000`;
    const { body } = await call('POST /v1/schedules/p/resume');
    expect(body.nextAt).toBe('1970-01-01T00:00:01.000Z');
    const first = await call('POST /v1/schedules/p/pause');
    expect((await call('POST /v1/schedules/p/pause')).text).toBe(first.text);
  });

  test('a pause that is repeated with its key does not undo the resume that came between', async () => {
    await create({ id: 'p', ...hourly });
    await create({ id: 'q', ...hourly });
    const pause = (id: string) => call(`POST /v1/schedules/${id}/pause`, undefined, keyed('pause-p'));
    expect((await pause('p')).body.state).toBe('paused');
    expect((await pause('p')).body.state).toBe('paused');
    await call('POST /v1/schedules/p/resume');
    expect((await pause('p')).body.state).toBe('active');
    expect(await api.now.problem('POST /v1/schedules/q/pause', keyed('pause-p'))).toEqual([
      409,
      'idempotency_key_reused',
    ]);
  });
});

describe('a run now', () => {
  test('is a run like any other, which names its schedule; pause and overlap do not matter', async () => {
    const body = { id: 't', ...hourly, version: 1, context: { n: 1 }, overlap: 'skip', metadata: { k: 'v' } };
    await create(body);
    await call('POST /v1/schedules/t/pause');
    const first = await call('POST /v1/schedules/t/trigger');
    const second = await call('POST /v1/schedules/t/trigger', {});
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(first.body).toMatchObject({
      ...{ workflowId: 'order', version: 1, state: 'pending', context: { n: 1 }, tags: ['of order'] },
      metadata: { team: 'x', k: 'v', schedule: 't' },
    });
    const { data } = (await call('GET /v1/runs?metadata.schedule=t')).body as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual([second.body.id, first.body.id]);
    expect(await get('t')).toMatchObject({ lastAt: null, lastRunId: null });
  });

  test('with a key it is one run', async () => {
    await create({ id: 't', ...hourly });
    const trigger = () => call('POST /v1/schedules/t/trigger', undefined, keyed('trigger-t'));
    expect((await trigger()).body.id).toBe((await trigger()).body.id);
  });
});

describe('finding and deleting', () => {
  test('lists go from the newest to the oldest, without contexts', async () => {
    for (const id of ['a', 'b', 'c']) await create({ id, ...hourly, context: { id } });
    const first = await call('GET /v1/schedules?limit=2');
    const ids = (answer: typeof first) => (answer.body.data as { id: string }[]).map(({ id }) => id);
    expect(ids(first)).toEqual(['c', 'b']);
    expect((first.body.data as object[])[0]).not.toHaveProperty('context');
    const next = await call(`GET /v1/schedules?limit=2&cursor=${first.body.nextCursor}`);
    expect([ids(next), next.body.nextCursor]).toEqual([['a'], null]);
    const bad = await api.now.problem('GET /v1/schedules?cursor=x');
    expect(bad).toEqual([422, 'invalid_request']);
  });

  test('what is deleted is gone; its runs stay', async () => {
    await create({ id: 'd', ...hourly });
    const run = (await call('POST /v1/schedules/d/trigger')).body.id;
    const { status, text } = await call('DELETE /v1/schedules/d');
    expect([status, text]).toEqual([204, '']);
    expect(await api.now.problem('DELETE /v1/schedules/d')).toEqual([404, 'not_found']);
    expect((await call(`GET /v1/runs/${run}`)).status).toBe(200);
  });

  test('what has no name of a schedule is not found, and other methods are named', async () => {
    for (const name of ['missing', '__proto__', 'a%00b', 'x'.repeat(129)]) {
      expect(await api.now.problem(`GET /v1/schedules/${name}`)).toEqual([404, 'not_found']);
    }
    const { status, headers } = await call('PATCH /v1/schedules/x');
    expect([status, headers.get('allow')]).toEqual([405, 'PUT, GET, HEAD, DELETE']);
  });
});
