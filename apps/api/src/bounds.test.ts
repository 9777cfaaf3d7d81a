/** Back-pressure of an api: whoever finds no place is told so at once, and when to come again. */
import { uuidOfId } from '@waybill/protocol';
import { inboxRowsMax } from '@waybill/store';
import { afterEach, describe, expect, test } from 'vitest';
import { gate, useApi } from '../test/harness.ts';

const api = useApi({}, { startsMax: 4, waitsMax: 2 });
const definition = { id: 'order', steps: [{ id: 'a', url: '/a' }] };
const create = (body: object = definition, key?: string) =>
  api.now.call('POST /v1/workflows', { body, ...(key === undefined ? {} : { key }) });

afterEach(() => {
  api.now.dispatcher = null;
});

/** A dispatcher whose commits wait for the test. */
function stall() {
  const commit = gate();
  let waiting = 0;
  api.now.dispatcher = {
    mayOwn: () => true,
    poke: () => {},
    startOwned: () => {
      waiting++;
      return commit.opened;
    },
  };
  return { commit, waiting: (count: number) => expect.poll(() => waiting).toBe(count) };
}

describe('while commits are stalled', () => {
  test('starts find places until they are taken, a project no more than its share; others go on', async () => {
    const { commit, waiting } = stall();
    const starts = [1, 2, 3].map(() => create());
    await waiting(3);
    const refused = await create();
    expect([refused.status, refused.body.code]).toEqual([503, 'too_many_starts']);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(refused.body.detail).toContain('startsMax 4');
    const stranger = create(
      { ...definition, steps: [{ id: 'a', url: 'http://h.test/a' }] },
      api.now.stranger,
    );
    await waiting(4);
    expect(api.now.api.stats.startsUnderWay).toBe(4);
    expect(await api.now.problem('POST /v1/workflows', { body: definition, key: api.now.stranger })).toEqual([
      422,
      'invalid_definition',
    ]);
    expect((await api.now.call('GET /v1/runs')).status).toBe(200);
    commit.open();
    const answers = await Promise.all([...starts, stranger]);
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    expect(api.now.api.stats.startsUnderWay).toBe(0);
    expect((await create()).status).toBe(201);
  });
});

describe('requests that wait', () => {
  test('are bounded: further ones are refused, and commands are answered 202 without a wait', async () => {
    const id = await api.now.start();
    const waits = [1, 2].map(() => api.now.call(`GET /v1/runs/${id}?wait=60`));
    await expect.poll(() => api.now.api.stats.watches).toBe(2);
    expect(await api.now.problem(`GET /v1/runs/${id}?wait=60`)).toEqual([503, 'too_many_waits']);
    expect((await api.now.call(`GET /v1/runs/${id}`)).status).toBe(200);
    expect((await api.now.call(`POST /v1/runs/${id}/cancel`, { body: {} })).status).toBe(202);
    await api.now.complete(id);
    expect((await Promise.all(waits)).map(({ body }) => body.state)).toEqual(['completed', 'completed']);
    expect(api.now.api.stats.watches).toBe(0);
  });
});

test('a run whose inbox is full takes no further command, and says when to come again', async () => {
  const id = await api.now.start();
  await api.now.database`
    insert into inbox (run_id, id, command)
    select ${uuidOfId('run', id)!}, gen_random_uuid(), '{}' from generate_series(1, ${inboxRowsMax})`;
  const { status, headers, body } = await api.now.call(`POST /v1/runs/${id}/cancel`, { body: {} });
  expect([status, body.code, headers.get('retry-after')]).toEqual([429, 'too_many_commands', '1']);
  expect((await api.now.call(`POST /v1/runs/${await api.now.start()}/cancel`, { body: {} })).status).toBe(
    202,
  );
});

test('requests under way are bounded, whatever they wait for', async () => {
  // Two that may wait for a run, and 4,000 beside them; all of these meet while their key is looked up.
  const answers = await Promise.all(Array.from({ length: 4100 }, () => api.now.call('GET /v1/dispatchers')));
  const statuses = answers.map(({ status }) => status);
  expect(new Set(statuses)).toEqual(new Set([200, 503]));
  expect(statuses.filter((status) => status === 503)).toHaveLength(98);
  expect(answers.at(-1)!.headers.get('retry-after')).toBe('1');
  expect(api.now.api.stats.requests).toBe(0);
});

test('what was refused is counted, and fills no log', () => {
  const codes = ['too_many_starts', 'too_many_waits', 'too_many_commands', 'unavailable'];
  expect([...new Set(api.now.refused)]).toEqual(codes);
  expect(api.now.logged.join()).not.toContain('too_many');
});
