import { expect, test } from 'vitest';
import { gate, type SeenRequest } from '../support/handlers.ts';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();
const pending = { status: 202, headers: { 'waybill-callback': 'pending' } };

const callbackUrl = ({ body }: SeenRequest) =>
  (body as unknown as { callback: { url: string } }).callback.url;

async function post(url: string, body: object): Promise<{ status: number; body: Record<string, unknown> }> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const waiting = (id: string, fields = {}) => ({
  id,
  steps: [
    { id: 'approve', url: '/approve', ...fields },
    { id: 'after', url: '/after', dependsOn: ['approve'] },
  ],
});

test('25 202 pending: running until a signed callback; a repeated callback changes nothing', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/approve', pending);
  const { id } = await client.run(waiting('callback'));
  const [request] = await handlers.waitFor('/approve');
  const run = await client.until(id, ({ currentStep }) => currentStep === 'approve');
  expect(run.steps[0]).toMatchObject({ state: 'running', attempts: 1 });
  const url = callbackUrl(request!);
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => post(url, { success: true, result: { by: 'Ada' } })),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const ended = await client.ended(id);
  expect([ended.state, ended.results.approve]).toEqual(['completed', { by: 'Ada' }]);
  expect(await post(url, { success: true, result: { by: 'Bob' } })).toMatchObject({ status: 200 });
  expect(await post(url, { success: false })).toMatchObject({ status: 409 });
  expect((await client.status(id)).results).toMatchObject({ approve: { by: 'Ada' } });
  expect(handlers.requests('/after')).toHaveLength(1);
});

test('25 a callback that comes before the handler has answered is kept', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/approve', async (request) => {
    expect(await post(callbackUrl(request), { result: 'early' })).toMatchObject({ status: 200 });
    return pending;
  });
  const run = await client.runToEnd(waiting('early-callback'));
  expect([run.state, run.results.approve]).toEqual(['completed', 'early']);
  expect(handlers.requests('/approve')).toHaveLength(1);
});

test('25 a failure by callback is permanent, unless it says retryable: then the step is sent again', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/approve', pending);
  const { id } = await client.run(waiting('failing-callback', { retries: { initialDelay: 0.05 } }));
  const [first] = await handlers.waitFor('/approve');
  await post(callbackUrl(first!), {
    success: false,
    retryable: true,
    error: { code: 'busy', message: 'later' },
  });
  const [, second] = await handlers.waitFor('/approve', 2);
  expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
  expect(
    await post(callbackUrl(second!), { success: false, error: { code: 'no', message: 'never' } }),
  ).toMatchObject({
    status: 200,
  });
  const run = await client.ended(id);
  expect([run.state, run.steps[0]!.error]).toMatchObject(['failed', { code: 'no', message: 'never' }]);
});

test('25 without a callback the step times out and is tried again', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/approve', pending, { body: { result: 'at once' } });
  const run = await client.runToEnd(
    waiting('silent', { timeout: 1, retries: { maxAttempts: 2, initialDelay: 0.05 } }),
  );
  expect([run.state, run.results.approve]).toEqual(['completed', 'at once']);
  const attempts = await client.attempts(run.id, 'approve');
  expect(attempts.map(({ error }) => error?.code ?? null)).toEqual(['timeout', null]);
  expect(attempts[0]!.durationMs).toBeGreaterThanOrEqual(1000);
});

test('25 a heartbeat starts the timeout of the step again', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/approve', pending);
  const { id } = await client.run(waiting('heartbeat', { timeout: 4, retries: { maxAttempts: 1 } }));
  const [request] = await handlers.waitFor('/approve');
  const url = callbackUrl(request!);
  const startedAt = performance.now();
  // Three heartbeats, each well inside the timeout, carry the step past it.
  for (let beat = 1; beat <= 3; beat++) {
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await post(`${url}/heartbeat`, { progress: beat * 30 })).toMatchObject({ status: 200 });
  }
  expect(performance.now() - startedAt).toBeGreaterThan(4000);
  expect(await post(url, { result: 'done' })).toMatchObject({ status: 200 });
  expect((await client.ended(id)).state).toBe('completed');
});

test('25 after a cancel, and with a token that is none, a callback is refused', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/approve', pending);
  const { id } = await client.run(waiting('cancelled-callback'));
  const [request] = await handlers.waitFor('/approve');
  const url = callbackUrl(request!);
  await client.api('POST', `/v1/runs/${id}/cancel`, {});
  expect(await post(url, { result: 'late' })).toMatchObject({ status: 409, body: { code: 'run_ended' } });
  expect(await post(`${url}x`, {})).toMatchObject({ status: 404 });
  expect(await post(url, { result: 1, retryable: 'x' })).toMatchObject({ status: 422 });
});

test('25 the dispatcher that sent the step may die while its callback is awaited', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/approve', pending);
  const { id } = await client.run(waiting('orphaned-callback'));
  const [request] = await handlers.waitFor('/approve');
  await client.until(id, ({ currentStep }) => currentStep === 'approve');
  await platform.now.kill();
  await platform.now.restart();
  const { pathname } = new URL(callbackUrl(request!));
  const answer = await post(`${platform.now.url}${pathname}`, { result: 'still here' });
  expect([200, 202]).toContain(answer.status);
  const run = await client.ended(id);
  expect([run.state, run.results.approve]).toEqual(['completed', 'still here']);
  expect(handlers.requests('/approve')).toHaveLength(1);
});

test('25 a callback that succeeds after its attempt failed is taken, and the ledger keeps both', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/approve', { status: 500 });
  const { id } = await client.run(waiting('late-success', { retries: { initialDelay: 30 } }));
  const [request] = await handlers.waitFor('/approve');
  await client.until(id, ({ steps }) => steps[0]!.phase === 'backoff');
  expect(await post(callbackUrl(request!), { result: 'after all' })).toMatchObject({ status: 200 });
  expect((await client.ended(id)).results.approve).toBe('after all');
  const attempts = await client.attempts(id, 'approve');
  expect(attempts.map(({ status, error }) => [status, error?.code ?? null])).toEqual([
    [500, 'http_500'],
    [200, null],
  ]);
});

test('25 a callback that says nothing is a success without a result', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/approve', pending);
  const { id } = await client.run(waiting('empty-callback'));
  const [request] = await handlers.waitFor('/approve');
  expect(await post(callbackUrl(request!), {})).toMatchObject({ status: 200 });
  const run = await client.ended(id);
  expect([run.state, run.results.approve]).toEqual(['completed', null]);
});

test('25 a callback with an Idempotency-Key is one command, and the key is not for another', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/approve', pending);
  const { id } = await client.run(waiting('keyed-callback'));
  const [request] = await handlers.waitFor('/approve');
  const url = new URL(callbackUrl(request!)).pathname;
  const send = (body: object) => client.api('POST', url, body, { 'idempotency-key': 'decision' });
  expect(await send({ result: 1 })).toMatchObject({ status: 200, body: { accepted: true } });
  expect(await send({ result: 1 })).toMatchObject({ status: 200, body: { accepted: true } });
  expect(await send({ result: 2 })).toMatchObject({ status: 409, body: { code: 'idempotency_key_reused' } });
  expect((await client.ended(id)).results).toMatchObject({ approve: 1 });
});

test('25 an Idempotency-Key of a callback or an approval is its own: others may use the same', async () => {
  const { client, handlers } = platform.now;
  const key = { 'idempotency-key': 'order_123' };
  handlers.on('/approve', pending).on('/ask', {});
  const approved = { id: 'decide', waitFor: { signal: 'decided' }, dependsOn: 'ask' };
  const steps = [...waiting('same-key').steps, { id: 'ask', url: '/ask', parallel: true }, approved];
  const definition = { ...waiting('same-key'), steps };
  const { id } = await client.run(definition, key);
  const [request] = await handlers.waitFor('/approve');
  const [asked] = await handlers.waitFor('/ask');
  const approvals = asked!.body.approvals as { decide: { url: string } };
  const url = callbackUrl(request!);
  for (const link of [`${url}/heartbeat`, approvals.decide.url]) {
    expect(
      await client.api('POST', new URL(link).pathname, {}, { 'idempotency-key': 'order_124' }),
    ).toMatchObject({
      status: 200,
    });
  }
  const path = new URL(url).pathname;
  // That of the heartbeat, and the one of the run: a callback is another link than its heartbeat.
  expect(await client.api('POST', `${path}/heartbeat`, {}, key)).toMatchObject({ status: 200 });
  for (let count = 0; count < 2; count++)
    expect(await client.api('POST', path, { result: 1 }, key)).toMatchObject({ status: 200 });
  expect(await client.run(definition, key)).toMatchObject({ id });
  expect(await client.ended(id)).toMatchObject({ state: 'completed', results: { approve: 1 } });
});

test('25 the URL of a callback takes POST alone, and says so without a key', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/approve', pending);
  const { id } = await client.run(waiting('got-callback'));
  const [request] = await handlers.waitFor('/approve');
  for (const path of ['', '/heartbeat']) {
    const response = await fetch(`${callbackUrl(request!)}${path}`);
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
    expect(await response.json()).toMatchObject({ code: 'method_not_allowed' });
  }
  expect((await post(callbackUrl(request!), {})).status).toBe(200);
  expect((await client.ended(id)).state).toBe('completed');
});

test('25 what a heartbeat says of its work is shown, until another attempt begins', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/approve', pending);
  const { id } = await client.run(waiting('progress', { retries: { maxAttempts: 2, initialDelay: 0.01 } }));
  const [request] = await handlers.waitFor('/approve');
  await client.until(id, ({ steps }) => steps[0]!.phase === 'callback' || steps[0]!.attempts === 1);
  const beat = (body: object) => post(`${callbackUrl(request!)}/heartbeat`, body);
  expect((await client.status(id)).steps[0]!.progress).toBeNull();
  expect(await beat({ progress: 40, note: 'half of it' })).toMatchObject({ status: 200 });
  const shown = { percent: 40, note: 'half of it', at: expect.any(String) };
  expect((await client.status(id)).steps[0]!.progress).toEqual(shown);
  expect(await beat({})).toMatchObject({ status: 200 });
  expect((await client.status(id)).steps[0]!.progress).toEqual(shown);
  expect(await beat({ progress: 101 })).toMatchObject({ status: 422 });
  await post(callbackUrl(request!), { success: false, retryable: true });
  await handlers.waitFor('/approve', 2);
  expect((await client.until(id, ({ steps }) => steps[0]!.attempts === 2)).steps[0]!.progress).toBeNull();
});

test('25 a heartbeat before the answer extends the exchange, too', async () => {
  const { client, handlers } = platform.now;
  const held = gate();
  handlers.on('/approve', async (request) => {
    const beaten = await post(`${callbackUrl(request)}/heartbeat`, { note: 'still at it' });
    expect(beaten.status).toBe(200);
    await held.opened;
    return { body: 'answered after all' };
  });
  const { id } = await client.run(waiting('beating', { timeout: 5, retries: { maxAttempts: 1 } }));
  const [request] = await handlers.waitFor('/approve');
  // The first heartbeat comes at once; this one, later, is what carries the exchange past its five seconds.
  await new Promise((resolve) => setTimeout(resolve, 2500));
  expect((await post(`${callbackUrl(request!)}/heartbeat`, {})).status).toBe(200);
  expect((await client.status(id)).steps[0]!.phase).toBe('open');
  await new Promise((resolve) => setTimeout(resolve, 2700));
  expect(request!.isAborted).toBe(false);
  held.open();
  expect((await client.ended(id)).results).toMatchObject({ approve: 'answered after all' });
});
