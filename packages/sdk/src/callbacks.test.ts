import { describe, expect, test } from 'vitest';
import { type FakeAnswer, fakeApi } from '../testing/fake-api.ts';
import { fakeRuntime } from '../testing/fake-runtime.ts';
import { ApiError, type Callbacks, NetworkError, PermanentError, Waybill } from './index.ts';

/** Neither an API key nor the API's URL is set: the callback's own URL is all it takes. */
async function setUp(...answers: FakeAnswer[]) {
  const api = await fakeApi(...answers);
  const runtime = fakeRuntime();
  const { callbacks } = new Waybill({ url: 'http://elsewhere.invalid', runtime });
  return { ...api, runtime, callbacks, url: `${api.url}/v1/callbacks/token` };
}

const taken: FakeAnswer = { json: { accepted: true } };

test.each<[string, (c: Callbacks, url: string) => Promise<unknown>, string, object]>([
  ['a result', (c, url) => c.complete(url, { by: 'Ada' }), '', { success: true, result: { by: 'Ada' } }],
  ['no result', (c, url) => c.complete(url), '', { success: true, result: null }],
  [
    'branches',
    (c, url) => c.complete(url, 1, { next: ['ship'] }),
    '',
    { success: true, result: 1, next: ['ship'] },
  ],
  [
    'steps to add',
    (c, url) => c.complete(url, 1, { addSteps: [{ id: 'tell', url: '/tell' }] }),
    '',
    { success: true, result: 1, addSteps: [{ id: 'tell', url: '/tell' }] },
  ],
  [
    'steps to add to a failure',
    (c, url) => c.fail(url, 'no', { addSteps: [{ id: 'tell', url: '/tell', runCondition: 'onFailure' }] }),
    '',
    { success: false, error: 'no', addSteps: [{ id: 'tell', url: '/tell', runCondition: 'onFailure' }] },
  ],
  ['a failure in words', (c, url) => c.fail(url, 'no'), '', { success: false, error: 'no' }],
  [
    'a failure with a code and details',
    (c, url) => c.fail(url, { code: 'busy', message: 'later', queue: 7 }, { retryable: true }),
    '',
    { success: false, error: { code: 'busy', message: 'later', queue: 7 }, retryable: true },
  ],
  [
    'an Error, of which only message and code leave',
    (c, url) => c.fail(url, new PermanentError('declined', { code: 'card_declined', cause: 'hidden' })),
    '',
    { success: false, error: { code: 'card_declined', message: 'declined' } },
  ],
  [
    'an Error of a system, whose code is no text',
    failWithNumber,
    '',
    { success: false, error: { message: 'x' } },
  ],
  ['a heartbeat', (c, url) => c.heartbeat(url), '/heartbeat', {}],
  [
    'a heartbeat with progress',
    (c, url) => c.heartbeat(url, { progress: 40, note: 'half' }),
    '/heartbeat',
    { progress: 40, note: 'half' },
  ],
])('%s is posted to the URL, without a key', async (_name, call, below, body) => {
  const { callbacks, url, seen } = await setUp(taken);
  expect(await call(callbacks, url)).toEqual({ accepted: true });
  expect(seen).toMatchObject([{ method: 'POST', url: `/v1/callbacks/token${below}`, body }]);
  expect(seen[0]!.body).toEqual(body);
  expect(seen[0]!.headers.authorization).toBeUndefined();
});

function failWithNumber(callbacks: Callbacks, url: string) {
  return callbacks.fail(url, Object.assign(new Error('x'), { code: 11 }));
}

test('202 gives the id of the command that waits for its owner', async () => {
  const { callbacks, url } = await setUp({ status: 202, json: { commandId: 'cmd_1' } });
  expect(await callbacks.complete(url)).toEqual({ commandId: 'cmd_1' });
});

describe('what fails', () => {
  test('is sent again as long as a repeat can help', async () => {
    const { callbacks, url, seen, runtime } = await setUp({ hangUp: true }, { status: 503 }, taken);
    await callbacks.complete(url, 1);
    expect(seen.map(({ body }) => body)).toEqual(Array(3).fill({ success: true, result: 1 }));
    expect(runtime.slept).toEqual([200, 400]);
  });

  test.each([404, 409, 410])('with %d is an ApiError at once', async (status) => {
    const { callbacks, url, seen } = await setUp({ status, json: { code: 'step_not_open' } });
    const error = await callbacks.complete(url).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status, code: 'step_not_open' });
    expect(seen).toHaveLength(1);
  });

  test('does not tell the URL, which is a secret', async () => {
    const { callbacks, url } = await setUp({ hangUp: true });
    const error = await callbacks.heartbeat(url).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(NetworkError);
    expect(error.message).toBe('POST callback/heartbeat failed before an answer came');
    const refused = await callbacks.complete('secret-token').catch((thrown) => thrown);
    expect(refused).toMatchObject({ name: 'ConfigError', code: 'invalid_callback_url' });
    expect(String(refused)).not.toContain('secret-token');
  });
});
