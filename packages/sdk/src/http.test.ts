import { describe, expect, test } from 'vitest';
import { type FakeAnswer, fakeApi } from '../testing/fake-api.ts';
import { fakeRuntime } from '../testing/fake-runtime.ts';
import { ApiError, NetworkError } from './errors.ts';
import { Waybill, type WaybillOptions } from './index.ts';

async function setUp(answers: FakeAnswer[], options: WaybillOptions = {}) {
  const api = await fakeApi(...answers);
  const runtime = fakeRuntime();
  const platform = new Waybill({ apiKey: 'wb_test', url: api.url, runtime, ...options });
  return { ...api, runtime, platform };
}

const unavailable = (retryAfter?: string): FakeAnswer => ({
  status: 503,
  headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter },
  json: { code: 'unavailable', detail: 'try later' },
});

describe('a refusal', () => {
  test('becomes an ApiError with everything problem+json says', async () => {
    const errors = [{ path: 'steps[0].url', message: 'is missing' }];
    const problem = {
      status: 422,
      title: 'Unprocessable Content',
      code: 'invalid_definition',
      detail: '1 fault',
      errors,
      requestId: 'req_1',
    };
    const { platform } = await setUp([
      { status: 422, headers: { 'content-type': 'application/problem+json' }, json: problem },
    ]);
    const error = await platform.workflows.create({ id: 'x', steps: [] }).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      name: 'ApiError',
      status: 422,
      code: 'invalid_definition',
      detail: '1 fault',
      errors,
      requestId: 'req_1',
    });
    expect(error.message).toBe('1 fault (422 invalid_definition)\n  steps[0].url: is missing');
  });

  test('of a proxy, with HTML, keeps its status and the request id of its header', async () => {
    const { platform } = await setUp([
      { status: 502, headers: { 'x-request-id': 'req_2' }, text: '<h1>Bad Gateway</h1>' },
    ]);
    await expect(platform.workflows.getStatus('run_1')).rejects.toMatchObject({
      status: 502,
      code: 'http_502',
      requestId: 'req_2',
      errors: [],
    });
  });

  test('a redirect is not followed', async () => {
    const { platform, seen } = await setUp([{ status: 302, headers: { location: '/elsewhere' } }]);
    await expect(platform.workflows.getStatus('run_1')).rejects.toMatchObject({ status: 302 });
    expect(seen).toHaveLength(1);
  });

  test('200 that is not JSON is invalid_answer', async () => {
    const { platform } = await setUp([{ text: '<html>' }]);
    await expect(platform.workflows.getStatus('run_1')).rejects.toMatchObject({ code: 'invalid_answer' });
  });
});

describe('repeating', () => {
  const cut: FakeAnswer = { hangUp: true };
  const done: FakeAnswer = { json: { id: 'run_1' } };

  test.each([
    ['a GET', (p: Waybill) => p.workflows.getStatus('run_1')],
    [
      'a POST with an idempotency key',
      (p: Waybill) => p.workflows.start('k', {}, { idempotencyKey: 'once' }),
    ],
    ['a PUT', (p: Waybill) => p.workflows.put({ id: 'k', steps: [{ id: 'a', url: '/a' }] })],
  ])('%s survives a cut connection and 503 and 429, backing off', async (_name, call) => {
    const busy = { ...unavailable(), status: 429 };
    const { platform, seen, runtime } = await setUp([cut, unavailable(), busy, done]);
    expect(await call(platform)).toEqual({ id: 'run_1' });
    expect(seen).toHaveLength(4);
    expect(new Set(seen.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    expect(runtime.slept).toEqual([200, 400, 800]);
  });

  test.each([cut, unavailable()])('a POST without a key is sent once only: %j', async (answer) => {
    const { platform, seen } = await setUp([answer, done]);
    await expect(platform.workflows.start('k')).rejects.toThrow();
    expect(seen).toHaveLength(1);
  });

  test('ends after four attempts, with the cause', async () => {
    const { platform, seen } = await setUp([cut]);
    const error = await platform.workflows.getStatus('run_1').catch((thrown) => thrown);
    expect(error).toBeInstanceOf(NetworkError);
    expect(error).toMatchObject({ code: 'network_error', cause: expect.any(Error) });
    expect(seen).toHaveLength(4);
  });

  test.each([400, 401, 404, 409, 422, 500])('does not happen for %d', async (status) => {
    const { platform, seen } = await setUp([{ status, json: {} }]);
    await expect(platform.workflows.getStatus('run_1')).rejects.toMatchObject({ status });
    expect(seen).toHaveLength(1);
  });

  test.each([
    ['seconds', '6', 6000],
    ['a date', 'Thu, 01 Jan 2026 00:00:06 GMT', 6000],
  ])('waits at least Retry-After, given as %s', async (_name, retryAfter, atLeastMs) => {
    const { platform, runtime } = await setUp([unavailable(retryAfter), done]);
    runtime.random = () => 0;
    await platform.workflows.getStatus('run_1');
    expect(runtime.slept).toHaveLength(1);
    expect(runtime.slept[0]).toBeGreaterThanOrEqual(atLeastMs);
    expect(runtime.slept[0]).toBeLessThan(atLeastMs * 1.5);
  });

  test('gives the error back when Retry-After asks for more than half a minute', async () => {
    const { platform, seen, runtime } = await setUp([unavailable('31'), done]);
    await expect(platform.workflows.getStatus('run_1')).rejects.toMatchObject({ retryAfterSeconds: 31 });
    expect(seen).toHaveLength(1);
    expect(runtime.slept).toEqual([]);
  });
});

test('an aborted request is a request_timeout', async () => {
  const fetch = () => Promise.reject(new DOMException('timed out', 'TimeoutError'));
  const { platform } = await setUp([], { fetch });
  await expect(platform.workflows.start('k')).rejects.toMatchObject({ code: 'request_timeout' });
});

test('every request has a deadline and its key, and only bodies have a content type', async () => {
  const inits: RequestInit[] = [];
  const fetch = async (_url: string, init: RequestInit) => {
    inits.push(init);
    return Response.json({});
  };
  const { platform } = await setUp([], { fetch });
  await platform.workflows.getStatus('run_1');
  await platform.workflows.start('k');
  for (const init of inits) expect(init.signal).toBeInstanceOf(AbortSignal);
  const headers = inits.map((init) => new Headers(init.headers));
  expect(headers.map((h) => h.get('authorization'))).toEqual(['Bearer wb_test', 'Bearer wb_test']);
  expect(headers.map((h) => h.get('content-type'))).toEqual([null, 'application/json']);
});
