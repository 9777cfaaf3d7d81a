import type { RunEvent } from '@waybill/engine';
import { describe, expect, test } from 'vitest';
import { useApi } from '../test/harness.ts';

const api = useApi();
const missing = 'run_01h455vb4pex5vsknk084sn02q';

interface Page {
  readonly data: readonly { readonly id: string; readonly [field: string]: unknown }[];
  readonly nextCursor: string | null;
}

async function list(query: string): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { body }: { body: Page } = await api.now.call<Page>(
      `GET /v1/runs?limit=2&${query}${cursor && `&cursor=${cursor}`}`,
    );
    ids.push(...body.data.map(({ id }) => id));
    cursor = body.nextCursor;
  }
  return ids;
}

describe('a context travels byte for byte', () => {
  const context = '{ "z":12345678901234567890,\n "a":1.0e400, "a":"é\\u0000", "__proto__":[ ] }';

  test.each([
    ['create', 'POST /v1/workflows', `{"id":"exact","steps":[{"id":"a","url":"/a"}],"context":${context}}`],
    ['start', 'POST /v1/workflows/exact/runs', `{"context":{"lost":1},"tags":[],\t"context" : ${context}}`],
  ])('%s', async (_name, line, body) => {
    const { status, text, body: run } = await api.now.call(line, { body });
    expect(status).toBe(201);
    expect(text).toContain(`"context":${context},`);
    expect((await api.now.call(`GET /v1/runs/${run.id}`)).text).toContain(`"context":${context},`);
  });

  test('and so does a result', async () => {
    const id = await api.now.start();
    await api.now.complete(id, context);
    expect((await api.now.call(`GET /v1/runs/${id}`)).text).toContain(`"results":{"a":${context}}`);
  });
});

test('a new run is pending, at its URL, with all the fields of the contract', async () => {
  const { status, headers, body } = await api.now.call('POST /v1/workflows', {
    body: { id: 'fields', steps: [{ id: 'a', url: '/a' }], tags: ['t'], metadata: { k: 'v' } },
  });
  expect(status).toBe(201);
  expect(headers.get('location')).toBe(`/v1/runs/${body.id}`);
  expect(body).toMatchObject({
    state: 'pending',
    context: {},
    tags: ['t'],
    metadata: { k: 'v' },
    version: 1,
  });
  expect((await api.now.call(`GET ${headers.get('location')}`)).body).toEqual(body);
});

test('a workflow key instead of an id means its latest run', async () => {
  await api.now.start({ id: 'keyed' });
  const second = await api.now.start({ id: 'keyed' });
  expect((await api.now.call('GET /v1/runs/keyed')).body.id).toBe(second);
  expect((await api.now.call('GET /v1/runs/keyed/steps/a/attempts')).status).toBe(200);
  await api.now.call('PUT /v1/workflows/never-run', { body: { steps: [{ id: 'a', url: '/a' }] } });
  for (const id of ['never-run', 'nothing', missing, 'run_', 'run_x', `${missing}0`]) {
    expect(await api.now.problem(`GET /v1/runs/${id}`)).toEqual([404, 'not_found']);
  }
});

test('lists are newest first, paged to the end, and narrowed by every filter', async () => {
  const before = new Date(Date.now() - 1).toISOString();
  const ids: string[] = [];
  for (const n of [0, 1, 2, 3, 4]) {
    const tags = n % 2 === 0 ? ['even', `t"{${n}}`] : ['odd, "x"'];
    ids.unshift(
      await api.now.start({ id: n < 2 ? 'few' : 'many', tags, metadata: { n: String(n), all: 'é' } }),
    );
  }
  const after = new Date(Date.now() + 1).toISOString();
  await api.now.complete(ids[0]!);
  const own = `createdAfter=${before}&createdBefore=${after}`;
  expect(await list(own)).toEqual(ids);
  expect(await list(`${own}&workflow=few`)).toEqual(ids.slice(3));
  expect(await list(`${own}&state=completed`)).toEqual([ids[0]]);
  expect(await list(`${own}&state=pending&workflow=many`)).toEqual(ids.slice(1, 3));
  expect(await list('tag=even')).toEqual([ids[0], ids[2], ids[4]]);
  expect(await list(`tag=${encodeURIComponent('odd, "x"')}`)).toEqual([ids[1], ids[3]]);
  expect(await list(`tag=${encodeURIComponent('t"{2}')}`)).toEqual([ids[2]]);
  expect(await list('metadata.all=%C3%A9')).toEqual(ids);
  expect(await list('metadata.all=%C3%A9&metadata.n=3')).toEqual([ids[1]]);
  expect(await list('metadata.n=9')).toEqual([]);
  expect(await list(`createdAfter=${after}`)).toEqual([]);
  expect(await list('createdBefore=1970-01-01T00:00:00Z')).toEqual([]);
  expect(await list(`createdAfter=${encodeURIComponent('1970-01-01T02:00:00+02:00')}&tag=even`)).toHaveLength(
    3,
  );
  const { body } = await api.now.call<Page>('GET /v1/runs?state=completed&tag=even');
  expect(body.data[0]).toMatchObject({
    state: 'completed',
    startedAt: '1970-01-01T00:00:01.000Z',
    completedAt: '1970-01-01T00:00:03.000Z',
    metadata: { n: '4', all: 'é' },
  });
});

describe('?wait=', () => {
  test('answers as soon as the run is terminal', async () => {
    const id = await api.now.start();
    const waiting = api.now.call(`GET /v1/runs/${id}?wait=60`);
    await api.now.complete(id);
    expect((await waiting).body).toMatchObject({ state: 'completed', results: { a: { ok: true } } });
    expect((await api.now.call(`GET /v1/runs/${id}?wait=60`)).body.state).toBe('completed');
  });

  test('sees ends that another process wrote and nobody told of', async () => {
    const id = await api.now.start();
    const waiting = api.now.call(`GET /v1/runs/${id}?wait=60`);
    await api.now.record(id, [
      { type: 'run.started', at: 1 },
      { type: 'run.quarantined', at: 2, error: { code: 'x', message: 'y' } },
    ]);
    expect((await waiting).body).toMatchObject({ state: 'failed', error: { code: 'x' } });
  });

  test('answers with the run as it is when the time is over', async () => {
    const id = await api.now.start();
    expect((await api.now.call(`GET /v1/runs/${id}?wait=0.05`)).body.state).toBe('pending');
  });
});

describe('attempts', () => {
  const error = { code: 'http_503', message: 'busy', status: 503 };
  const of = (attempt: number) => ({ delivery: 'step', step: 'a', attempt }) as const;
  const events: RunEvent[] = [
    { type: 'run.started', at: 1000 },
    { type: 'attempt.started', at: 1000, ...of(1) },
    {
      type: 'attempt.failed',
      at: 1500,
      ...of(1),
      startedAt: 1000,
      status: 503,
      error,
      retryAt: 3000,
      excerpt: 'a\u0000',
    },
    { type: 'attempt.lost', at: 4000, ...of(2), startedAt: 3000 },
    { type: 'attempt.started', at: 5000, ...of(3) },
  ];

  test('each is listed with its times, status, error, request and answer', async () => {
    const id = await api.now.start();
    await api.now.record(id, events);
    const { body } = await api.now.call<Page>(`GET /v1/runs/${id}/steps/a/attempts`);
    const request = {
      url: 'http://base.test/a',
      webhookId: `msg_${id.slice(4)}_s0`,
      body: expect.stringMatching(/^\{"context":/),
    };
    expect(body).toMatchObject({
      nextCursor: null,
      data: [
        {
          delivery: 'step',
          attempt: 1,
          state: 'failed',
          startedAt: '1970-01-01T00:00:01.000Z',
          endedAt: '1970-01-01T00:00:01.500Z',
          durationMs: 500,
          status: 503,
          error,
          retryAt: '1970-01-01T00:00:03.000Z',
          request,
          answer: 'a\u0000',
        },
        { attempt: 2, state: 'lost', status: null, error: null, request },
        { attempt: 3, state: 'open', endedAt: null, durationMs: null, request },
      ],
    });
  });

  test('an open one is given up with its run; compensations are listed too', async () => {
    const id = await api.now.start({
      id: 'undo',
      saga: true,
      defaults: { parallel: true },
      steps: [
        { id: 'a', url: '/a', compensation: '/undo' },
        { id: 'b', url: '/b' },
      ],
    });
    const compensation = { delivery: 'compensation', step: 'a', attempt: 1 } as const;
    await api.now.record(id, [
      { type: 'run.started', at: 1000 },
      { type: 'step.completed', at: 2000, ...of(1), startedAt: 1000, status: 200, result: '1' },
      { type: 'attempt.started', at: 1000, delivery: 'step', step: 'b', attempt: 1 },
      { type: 'run.cancelling', at: 3000, compensate: true },
      { type: 'run.compensating', at: 3000 },
      { type: 'compensation.completed', at: 4000, ...compensation, startedAt: 3000, status: 204 },
      { type: 'run.cancelled', at: 4000 },
    ]);
    const a = await api.now.call<Page>(`GET /v1/runs/${id}/steps/a/attempts`);
    expect(a.body.data).toMatchObject([
      { delivery: 'step', state: 'completed' },
      {
        delivery: 'compensation',
        state: 'completed',
        status: 204,
        request: { url: 'http://base.test/undo' },
      },
    ]);
    const b = await api.now.call<Page>(`GET /v1/runs/${id}/steps/b/attempts`);
    const cancelled = { code: 'run_cancelled', outcome: 'unknown' };
    expect(b.body.data).toMatchObject([
      { state: 'aborted', endedAt: '1970-01-01T00:00:03.000Z', error: cancelled },
    ]);
  });

  test.each([
    ['step.passed', { result: '1' }, 'completed_by_hand'],
    ['step.skipped', {}, 'skipped_by_hand'],
  ] as const)('an open one says what ended its step: %s', async (type, fields, code) => {
    const id = await api.now.start();
    await api.now.record(id, [
      { type: 'run.started', at: 1000 },
      { type: 'attempt.started', at: 1000, ...of(1) },
      { type, at: 2000, step: 'a', ...fields } as RunEvent,
    ]);
    const { body } = await api.now.call<Page>(`GET /v1/runs/${id}/steps/a/attempts`);
    expect(body.data).toMatchObject([{ state: 'aborted', error: { code, outcome: 'unknown' } }]);
  });

  test('a callback completes the attempt it came to, and the newest one says so', async () => {
    const id = await api.now.start();
    await api.now.record(id, [
      ...events,
      { type: 'step.completed', at: 6000, ...of(3), startedAt: 5000, callback: 1, result: '1' },
    ]);
    const { body } = await api.now.call<Page>(`GET /v1/runs/${id}/steps/a/attempts`);
    expect(body.data).toMatchObject([
      { attempt: 1, state: 'failed', error },
      { attempt: 2, state: 'lost' },
      { attempt: 3, state: 'aborted', error: { code: 'completed_by_callback' } },
      {
        attempt: 1,
        state: 'completed',
        startedAt: '1970-01-01T00:00:01.000Z',
        durationMs: 5000,
        answer: '1',
      },
    ]);
  });

  test('of a step that is not there', async () => {
    const id = await api.now.start();
    for (const line of [`GET /v1/runs/${id}/steps/z/attempts`, `GET /v1/runs/${missing}/steps/a/attempts`]) {
      expect(await api.now.problem(line)).toEqual([404, 'not_found']);
    }
  });
});
