import type { RunEvent } from '@waybill/engine';
import { describe, expect, test, vi } from 'vitest';
import { TestStream } from '../test/event-stream.ts';
import { useApi } from '../test/harness.ts';

const eventStreamsMax = 3;
const api = useApi({}, { eventStreamsMax });
const exact = '{"z":12345678901234567890,\n "a":1e400}';
const error = { code: 'http_503', message: 'busy', status: 503 };
const attempt = (number: number, startedAt: number) =>
  ({ delivery: 'step', step: 'a', attempt: number, startedAt, status: 200 }) as const;

const started: RunEvent = { type: 'run.started', at: 1000 };
const failedOnce: RunEvent = { type: 'attempt.failed', at: 2000, ...attempt(1, 1500), error, retryAt: 3000 };
const completed: RunEvent = { type: 'step.completed', at: 4000, ...attempt(2, 3500), result: exact };
const ended: RunEvent = { type: 'run.completed', at: 4000 };
const end = { state: 'completed', startedAtMs: 1000, finishedAtMs: 4000 };

const start = (fields: object = {}) =>
  api.now.start({ id: 'live', steps: [{ id: 'a', url: '/a', ...fields }] });
const live = (id: string, query = '', headers: Record<string, string> = {}) =>
  TestStream.open(api.now, `/v1/runs/${id}/events${query}`, { headers });

async function startEnded(fields: object = {}): Promise<string> {
  const id = await start(fields);
  await api.now.record(id, [started, failedOnce, completed, ended], end);
  return id;
}

describe('a stream', () => {
  test('has an event for each row as it is committed, and ends when the run is done', async () => {
    const id = await start();
    const stream = await live(id);
    expect([stream.status, stream.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    expect(await stream.next()).toMatchObject({ id: '1', event: 'run.created' });
    await api.now.record(id, [started, failedOnce]);
    expect(await stream.next()).toMatchObject({ id: '2', event: 'run.started' });
    expect(await stream.next()).toMatchObject({ id: '3', event: 'attempt.failed' });
    await api.now.record(id, [completed, ended], end);
    expect((await stream.rest()).map(({ id, event }) => [id, event])).toEqual([
      ['4', 'step.completed'],
      ['5', 'run.completed'],
    ]);
    expect(api.now.api.stats.openStreams).toBe(0);
  });

  test('says of each event what the page says, whose it is, and how long a step took', async () => {
    const id = await startEnded();
    const page = await api.now.call<{ data: object[] }>(`GET /v1/runs/${id}/events`);
    const events = await (await live(id)).rest();
    const names = { runId: id, workflowId: 'live', namespace: 'one' };
    const more = [{}, {}, { step: 'a' }, { step: 'a', durationMs: 2500 }, {}];
    expect(events.map(({ data }) => data)).toEqual(
      page.body.data.map((row, index) => ({ ...row, ...names, ...more[index] })),
    );
    expect(events[3]!.text).toContain(`"result":${exact}`);
  });

  test('sees rows that another process has written', async () => {
    const id = await start();
    const stream = await live(id);
    await stream.next();
    await api.now.record(id, [started], undefined, { isTold: false });
    expect(await stream.next()).toMatchObject({ event: 'run.started' });
    await stream.cancel();
  });

  test('goes out before anything happens', async () => {
    const id = await start();
    const stream = await live(id, '?cursor=1');
    expect(await stream.block()).toBe(': waybill');
    await stream.cancel();
  });

  test('a run of many rows is read page by page', async () => {
    const id = await start();
    const pauses = Array.from({ length: 1200 }, (_, index): RunEvent => {
      return { type: index % 2 === 0 ? 'run.paused' : 'run.resumed', at: 1000 };
    });
    await api.now.record(id, [started, ...pauses, completed, ended], end);
    const ids = (await (await live(id)).rest()).map((event) => Number(event.id));
    expect(ids).toEqual(Array.from({ length: 1204 }, (_, index) => index + 1));
  });
});

describe('resuming', () => {
  test.each<[string, string, Record<string, string>]>([
    ['a cursor', '?cursor=2', {}],
    ['Last-Event-ID', '', { 'last-event-id': '2' }],
    ['Last-Event-ID, whatever the cursor', '?cursor=4', { 'last-event-id': '2' }],
  ])('after %s nothing is lost or repeated', async (_, query, headers) => {
    const events = await (await live(await startEnded(), query, headers)).rest();
    expect(events.map(({ id }) => id)).toEqual(['3', '4', '5']);
  });

  test.each(['5', '7', '2147483647'])('after %s of a run that is done it is answered 204', async (id) => {
    const stream = await live(await startEnded(), '', { 'last-event-id': id });
    expect(stream.status).toBe(204);
  });

  test.each(['x', '', '-1', '1.5', '2147483648', '4.slower'])('after "%s" it is 422', async (id) => {
    const headers = { accept: 'text/event-stream', 'last-event-id': id };
    const line = `GET /v1/runs/${await startEnded()}/events`;
    expect(await api.now.problem(line, { headers })).toEqual([422, 'invalid_request']);
  });
});

describe('a step over its slowAfter', () => {
  test('is followed by step.slow', async () => {
    const id = await startEnded({ slowAfter: '2s' });
    const events = await (await live(id)).rest();
    expect(events.map(({ id, event }) => [id, event]).slice(3)).toEqual([
      ['4', 'step.completed'],
      ['4.slow', 'step.slow'],
      ['5', 'run.completed'],
    ]);
    expect(events[4]!.data).toEqual({
      ...{ seq: 4, type: 'step.slow', at: '1970-01-01T00:00:04.000Z', stepId: 'a', step: 'a' },
      ...{ runId: id, workflowId: 'live', namespace: 'one', durationMs: 2500, slowAfterMs: 2000 },
    });
  });

  test.each([
    ['4', ['4.slow', '5']],
    ['4.slow', ['5']],
  ])('a connection that broke after %s goes on with %j', async (lastEventId, expected) => {
    const id = await startEnded({ slowAfter: 2 });
    const events = await (await live(id, '', { 'last-event-id': lastEventId })).rest();
    expect(events.map(({ id }) => id)).toEqual(expected);
  });

  test('and one that was as fast as that is not', async () => {
    const events = await (await live(await startEnded({ slowAfter: 2.5 }))).rest();
    expect(events.map(({ event }) => event)).not.toContain('step.slow');
  });
});

describe('open streams', () => {
  test('are counted, capped, and given back by a client that leaves', async () => {
    const id = await start();
    const open = await Promise.all(Array.from({ length: eventStreamsMax }, () => live(id)));
    expect(api.now.api.stats.openStreams).toBe(eventStreamsMax);
    const headers = { accept: 'text/event-stream' };
    const refused = await api.now.call(`GET /v1/runs/${id}/events`, { headers });
    expect([refused.status, refused.body.code]).toEqual([503, 'too_many_streams']);
    expect(refused.headers.get('retry-after')).toBe('5');
    // One has never read, one waits for more, one has a page in hand.
    await open[1]!.next();
    const waiting = open[1]!.next();
    await open[2]!.next();
    await Promise.all(open.map((stream) => stream.cancel()));
    expect(await waiting).toBeNull();
    expect(api.now.api.stats).toMatchObject({ openStreams: 0, watchedRuns: 0 });
    const again = await live(id);
    expect(again.status).toBe(200);
    await again.cancel();
  });

  test('end when the request is aborted', async () => {
    const aborted = new AbortController();
    const path = `/v1/runs/${await start()}/events`;
    const stream = await TestStream.open(api.now, path, { signal: aborted.signal });
    await stream.next();
    const next = stream.next();
    aborted.abort();
    expect(await next).toBeNull();
    expect(api.now.api.stats).toMatchObject({ openStreams: 0, watchedRuns: 0 });
  });

  test('a HEAD request opens none', async () => {
    const { admin } = api.now;
    const headers = { authorization: `Bearer ${admin}`, accept: 'text/event-stream' };
    const url = `http://api.test/v1/runs/${await start()}/events`;
    const { status } = await api.now.api.fetch(new Request(url, { method: 'HEAD', headers }));
    expect([status, api.now.api.stats.openStreams]).toEqual([200, 0]);
  });

  test.each(['text/event-stream', 'application/json'])("another project's run is 404: %s", async (accept) => {
    const line = `GET /v1/runs/${await start()}/events`;
    const call = { key: api.now.stranger, headers: { accept } };
    expect(await api.now.problem(line, call)).toEqual([404, 'not_found']);
  });
});

test('a page of about 256 KiB is read when the one before it has been taken', async () => {
  const steps = Array.from({ length: 40 }, (_, index) => ({ id: `s${index}`, url: '/a', parallel: true }));
  const id = await api.now.start({ id: 'large', steps });
  const result = JSON.stringify('x'.repeat(100_000));
  const ends = steps.map(
    (step): RunEvent => ({ type: 'step.completed', at: 4000, ...attempt(1, 2000), step: step.id, result }),
  );
  await api.now.record(id, [started, ...ends, ended], end);
  const queries = vi.spyOn(api.now.database, 'unsafe');
  const pages = () => queries.mock.calls.filter(([text]) => text.includes('octet_length')).length;
  const stream = await live(id);
  const sizes: number[] = [];
  for (let chunk = await stream.chunk(); chunk !== null; chunk = await stream.chunk()) {
    sizes.push(chunk.length);
    // The comment that comes first is no page.
    expect(pages()).toBe(sizes.length - 1);
  }
  queries.mockRestore();
  expect(Math.max(...sizes)).toBeLessThan(400_000);
  expect(sizes.length).toBeGreaterThan(10);
});
