/** Rows 13 to 15: onComplete and onError. */

import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { gate, type SeenRequest } from '../support/handlers.ts';
import { chain } from '../support/seed-definitions.ts';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();
const completePath = '/api/webhooks/workflow-complete';
const errorPath = '/api/webhooks/workflow-error';

/** Throws unless the reference library of Standard Webhooks accepts the request. */
function verify({ raw, headers }: SeenRequest): void {
  new Webhook(platform.now.signingSecret).verify(raw, headers as Record<string, string>);
}

test('13 onComplete gets one signed POST with run id and results; onError none', async () => {
  const { client, handlers } = platform.now;
  const { id } = await client.run(chain(handlers.url));
  const run = await client.done(id);
  expect(handlers.requests(errorPath)).toEqual([]);
  const hooks = handlers.requests(completePath);
  expect(hooks).toHaveLength(1);
  verify(hooks[0]!);
  expect(hooks[0]!.body).toMatchObject({
    type: 'workflow.completed',
    runId: id,
    state: 'completed',
    failedSteps: [],
  });
  expect(hooks[0]!.body.results).toEqual(run.results);
  expect(run.hooks).toMatchObject([{ kind: 'onComplete', attempts: 1 }]);
});

test('14 on failure onError gets one signed POST naming step and error; onComplete none', async () => {
  const { client, handlers } = platform.now;
  const error = { code: 'card_declined', message: 'the card was declined' };
  handlers.on('/api/jobs/process-payment', { status: 402, body: { error } });
  const { id } = await client.run(chain(handlers.url));
  expect((await client.done(id)).state).toBe('failed');
  expect(handlers.requests(completePath)).toEqual([]);
  const hooks = handlers.requests(errorPath);
  expect(hooks).toHaveLength(1);
  verify(hooks[0]!);
  expect(hooks[0]!.body).toMatchObject({
    type: 'workflow.failed',
    runId: id,
    state: 'failed',
    failedSteps: ['process-payment'],
    error: { stepId: 'process-payment', message: expect.stringContaining('the card was declined') },
  });
});

test('15 a hook endpoint that answers 500 once is retried with the same webhook-id', async () => {
  const { client, handlers } = platform.now;
  handlers.on(completePath, { status: 500 }, { status: 200 });
  const { id } = await client.run(chain(handlers.url));
  const run = await client.done(id);
  const [first, second, ...more] = handlers.requests(completePath);
  expect(more).toEqual([]);
  expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
  verify(second!);
  expect(run).toMatchObject({ state: 'completed', hooks: [{ kind: 'onComplete', attempts: 2 }] });
});

test('a hook that nobody accepted can be sent again by hand, with the same webhook-id', async () => {
  const { client, handlers } = platform.now;
  handlers.on(completePath, { status: 400 }, { status: 410 }, { status: 200 });
  const { id } = await client.run(chain(handlers.url));
  const hook = { kind: 'onComplete', state: 'failed', attempts: 1 };
  expect((await client.done(id)).hooks).toMatchObject([hook]);
  const resend = (kind = 'onComplete') => client.api('POST', `/v1/runs/${id}/hooks/${kind}/resend`, {});
  expect(await resend()).toMatchObject({ status: 200, body: { state: 'completed' } });
  const again = await client.until(
    id,
    ({ hooks }) => hooks[0]!.attempts === 2 && hooks[0]!.state === 'failed',
  );
  expect(again).toMatchObject({ state: 'completed', hooks: [{ error: { code: 'endpoint_gone' } }] });
  expect(await resend()).toMatchObject({ status: 200 });
  const run = await client.until(id, ({ phase }) => phase === 'done');
  expect(run).toMatchObject({
    state: 'completed',
    hooks: [{ kind: 'onComplete', state: 'completed', attempts: 3 }],
  });
  const sent = handlers.requests(completePath);
  for (const request of sent) verify(request);
  expect(new Set(sent.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  expect(await resend()).toMatchObject({ status: 409, body: { code: 'hook_not_failed' } });
  expect(await resend('onError')).toMatchObject({ status: 409, body: { code: 'hook_not_failed' } });
  expect(await resend('onFire')).toMatchObject({ status: 422, body: { code: 'invalid_request' } });
});

test('a pause holds the hook back, and it is sent on resume', async () => {
  const { client, handlers } = platform.now;
  const held = gate();
  handlers.on('/last', async () => {
    await held.opened;
    return {};
  });
  const steps = [{ id: 'last', url: '/last' }];
  const { id } = await client.run({ id: 'paused-hook', steps, onComplete: completePath });
  await handlers.waitFor('/last');
  expect(await client.api('POST', `/v1/runs/${id}/pause`, {})).toMatchObject({ status: 200 });
  held.open();
  expect(await client.ended(id)).toMatchObject({
    state: 'completed',
    phase: 'paused',
    hooks: [{ attempts: 0 }],
  });
  // Another run's hook goes through the same dispatcher: this one had its chance.
  await client.done(
    (await client.run({ id: 'other', steps: [{ id: 'a', url: '/a' }], onComplete: '/other' })).id,
  );
  expect(handlers.requests(completePath)).toHaveLength(0);
  expect(await client.api('POST', `/v1/runs/${id}/resume`, {})).toMatchObject({ status: 200 });
  expect((await client.until(id, ({ phase }) => phase === 'done')).hooks).toMatchObject([
    { state: 'completed' },
  ]);
  expect(await client.api('POST', `/v1/runs/${id}/pause`, {})).toMatchObject({ status: 409 });
});

test('a retry leaves the hook of the failed round owed: it comes beside the new round, and tells of its own', async () => {
  const { client, handlers } = platform.now;
  const held = gate();
  handlers.on('/a', { status: 400 }, async () => {
    await held.opened;
    return { body: 'at last' };
  });
  handlers.on(errorPath, { status: 503 }, { status: 200 });
  const steps = [{ id: 'a', url: '/a' }];
  const { id } = await client.run({ id: 'owed', steps, onComplete: completePath, onError: errorPath });
  await handlers.waitFor(errorPath);
  expect((await client.api('POST', `/v1/runs/${id}/retry`, {})).status).toBe(200);
  await handlers.waitFor('/a', 2);
  const [first, second] = await handlers.waitFor(errorPath, 2);
  expect(await client.until(id, ({ hooks }) => hooks[0]!.state === 'completed')).toMatchObject({
    state: 'running',
    hooks: [{ kind: 'onError', attempts: 2 }],
  });
  held.open();
  const run = await client.done(id);
  expect(run.hooks).toMatchObject([
    { kind: 'onError', state: 'completed', attempts: 2 },
    { kind: 'onComplete', state: 'completed', attempts: 1 },
  ]);
  expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
  expect(second!.body).toEqual(first!.body);
  expect(second!.body).toMatchObject({ state: 'failed', failedSteps: ['a'], results: {} });
  expect(handlers.requests(errorPath)).toHaveLength(2);
  const [complete, ...more] = handlers.requests(completePath);
  expect([complete!.body.results, more]).toEqual([{ a: 'at last' }, []]);
});

test('a hook of a round before that nobody accepted can be sent again, and says what it said', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/a', { status: 400 }, {}).on(errorPath, { status: 400 }, { status: 200 });
  const { id } = await client.run({ id: 'refused', steps: [{ id: 'a', url: '/a' }], onError: errorPath });
  await client.done(id);
  await client.api('POST', `/v1/runs/${id}/retry`, {});
  expect(await client.done(id)).toMatchObject({ state: 'completed', hooks: [{ state: 'failed' }] });
  const resend = () => client.api('POST', `/v1/runs/${id}/hooks/onError/resend`, {});
  expect(await resend()).toMatchObject({ status: 200, body: { state: 'completed' } });
  const run = await client.until(id, ({ hooks }) => hooks[0]!.state === 'completed');
  expect(run).toMatchObject({ state: 'completed', hooks: [{ kind: 'onError', attempts: 2 }] });
  const [first, second] = handlers.requests(errorPath);
  expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
  expect(second!.body).toEqual(first!.body);
  await client.until(id, ({ phase }) => phase === 'done');
  expect(await resend()).toMatchObject({ status: 409, body: { code: 'hook_not_failed' } });
});

test('a paused run that is retried stays paused, and owes the hook that the pause held back', async () => {
  const { client, handlers } = platform.now;
  const held = gate();
  handlers.on(
    '/last',
    async () => {
      await held.opened;
      return { status: 400 };
    },
    {},
  );
  const steps = [{ id: 'last', url: '/last' }];
  const { id } = await client.run({ id: 'paused-retry', steps, onError: errorPath });
  await handlers.waitFor('/last');
  await client.api('POST', `/v1/runs/${id}/pause`, {});
  held.open();
  expect(await client.ended(id)).toMatchObject({ state: 'failed', phase: 'paused' });
  expect(await client.api('POST', `/v1/runs/${id}/retry`, {})).toMatchObject({
    status: 200,
    body: { state: 'running', phase: 'paused', hooks: [{ kind: 'onError', state: 'pending' }] },
  });
  // Another run goes through the same dispatcher: this one had its chance.
  await client.runToEnd({ id: 'other', steps: [{ id: 'a', url: '/a' }] });
  expect([handlers.requests('/last').length, handlers.requests(errorPath)]).toEqual([1, []]);
  await client.api('POST', `/v1/runs/${id}/resume`, {});
  expect(await client.done(id)).toMatchObject({
    state: 'completed',
    hooks: [{ kind: 'onError', state: 'completed', attempts: 1 }],
  });
  const [told, ...more] = handlers.requests(errorPath);
  expect([told!.body.state, more]).toEqual(['failed', []]);
});
