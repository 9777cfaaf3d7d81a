import type { RunEvent } from '@waybill/engine';
import { idOfUuid } from '@waybill/protocol';
import { expect, test } from 'vitest';
import { useApi } from '../test/harness.ts';

const api = useApi();
const exact = '{"z":12345678901234567890, "a":1e400}';
const commandId = '01890a5d-ac96-774b-bcce-b302099a8057';
const error = { code: 'http_503', message: 'busy', status: 503 };
const attempt = (step: string, number: number) =>
  ({ delivery: 'step', step, attempt: number, startedAt: 1500, status: 503 }) as const;

const events: RunEvent[] = [
  { type: 'run.started', at: 1000 },
  { type: 'attempt.failed', at: 2000, ...attempt('a', 1), error, retryAt: 3000, excerpt: 'no' },
  { type: 'step.completed', at: 4000, ...attempt('a', 2), status: 200, result: exact },
  { type: 'command.applied', at: 5000, commandId },
  { type: 'run.cancelling', at: 5000, compensate: false, reason: 'enough' },
  { type: 'run.cancelled', at: 5000 },
];

async function run(): Promise<string> {
  const steps = [
    { id: 'a', url: '/a' },
    { id: 'b', url: '/b', dependsOn: 'a' },
    { id: 'c', url: '/c', dependsOn: ['a', 'b'] },
  ];
  const id = await api.now.start({ id: 'details', steps });
  await api.now.record(id, events);
  return id;
}

interface Page {
  readonly data: readonly { readonly seq: number; readonly type: string }[];
  readonly nextCursor: string | null;
}

test('the journal is paged to the end, oldest first', async () => {
  const id = await run();
  const seen: Page['data'][number][] = [];
  for (let cursor: string | null = '0'; cursor !== null; ) {
    const line: string = `GET /v1/runs/${id}/events?limit=3&cursor=${cursor}`;
    const { body }: { body: Page } = await api.now.call<Page>(line);
    seen.push(...body.data);
    cursor = body.nextCursor;
  }
  expect(seen.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(seen.map(({ type }) => type)).toEqual(['run.created', ...events.map(({ type }) => type)]);
  const whole = await api.now.call<Page>(`GET /v1/runs/${id}/events`);
  expect(whole.body).toEqual({ data: seen, nextCursor: null });
});

test('events have ids, times and texts as the rest of the API has them', async () => {
  const id = await run();
  const { body, text } = await api.now.call<Page>(`GET /v1/runs/${id}/events`);
  expect(body.data[2]).toEqual({
    seq: 3,
    type: 'attempt.failed',
    at: '1970-01-01T00:00:02.000Z',
    stepId: 'a',
    delivery: 'step',
    attempt: 1,
    status: 503,
    error,
    startedAt: '1970-01-01T00:00:01.500Z',
    retryAt: '1970-01-01T00:00:03.000Z',
    answer: 'no',
  });
  expect(text).toContain(`"result":${exact}}`);
  expect(body.data[4]).toMatchObject({ commandId: idOfUuid('cmd', commandId) });
  expect(body.data[5]).toMatchObject({ compensate: false, reason: 'enough' });
});

test('the end of a wait is a time, too', async () => {
  const id = await api.now.start({ id: 'waiting', steps: [{ id: 'a', url: '/a' }] });
  await api.now.record(id, [
    { type: 'run.started', at: 1000 },
    { type: 'attempt.pending', at: 2000, ...attempt('a', 1), status: 202, until: 9000 },
  ]);
  const { body } = await api.now.call<Page>(`GET /v1/runs/${id}/events`);
  expect(body.data[2]).toMatchObject({ type: 'attempt.pending', until: '1970-01-01T00:00:09.000Z' });
});

test('the graph has the steps with their states, and an edge for each dependency', async () => {
  const { body } = await api.now.call(`GET /v1/runs/${await run()}/graph`);
  expect(body).toEqual({
    nodes: [
      {
        id: 'a',
        state: 'completed',
        reason: null,
        parallel: false,
        attempts: 2,
        startedAt: '1970-01-01T00:00:01.500Z',
        completedAt: '1970-01-01T00:00:04.000Z',
      },
      expect.objectContaining({ id: 'b', state: 'cancelled', reason: 'run_cancelled', attempts: 0 }),
      expect.objectContaining({ id: 'c', state: 'cancelled', startedAt: null }),
    ],
    edges: [
      { from: 'a', to: 'b' },
      { from: 'a', to: 'c' },
      { from: 'b', to: 'c' },
    ],
  });
});

test.each(['x', '-1', '1.5', '99999999999'])('the cursor %s is 422', async (cursor) => {
  const line = `GET /v1/runs/${await run()}/events?cursor=${cursor}`;
  expect(await api.now.problem(line)).toEqual([422, 'invalid_request']);
});
