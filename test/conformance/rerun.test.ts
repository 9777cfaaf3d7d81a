/** Row 76, and row 37 by call: runs again, in part. */

import type { RunStatus } from '@waybill/sdk';
import { expect, test } from 'vitest';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();
const once = { retries: { maxAttempts: 1 } };

const post = <Body = RunStatus & { code: string }>(run: string, what: string, body: object = {}) =>
  platform.now.client.api<Body>('POST', `/v1/runs/${run}/${what}`, body);

const diamond = (id: string, fields: object = {}) => ({
  id,
  context: { n: 1 },
  defaults: { ...once, parallel: true },
  steps: [
    { id: 'start', url: '/start' },
    { id: 'left', url: '/left', dependsOn: ['start'] },
    { id: 'right', url: '/right', dependsOn: ['start'] },
    { id: 'join', url: '/join', dependsOn: ['left', 'right'] },
  ],
  ...fields,
});

test('37 POST retry: only the failed steps and what hangs from them are sent again', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/left', { status: 500 }, { body: 'at last' });
  const hooks = { onComplete: '/done', onError: '/failed' };
  const failed = await client.runToEnd(diamond('retried', hooks));
  expect(failed).toMatchObject({ state: 'failed', failedSteps: ['left'], skippedSteps: ['join'] });
  await client.done(failed.id);
  const retried = await post(failed.id, 'retry');
  expect(retried).toMatchObject({ status: 200, body: { error: null } });
  // As it is when the answer is written, which may be after its end.
  expect(['running', 'completed']).toContain(retried.body.state);
  const run = await client.done(failed.id);
  expect(run).toMatchObject({ state: 'completed', failedSteps: [], results: { left: 'at last' } });
  const counts = ['/start', '/left', '/right', '/join', '/failed', '/done'].map(
    (path) => handlers.requests(path).length,
  );
  expect(counts).toEqual([1, 2, 1, 1, 1, 1]);
  const [first, second] = handlers.requests('/left');
  expect(second!.headers['waybill-attempt']).toBe('2');
  expect(second!.headers['webhook-id']).not.toBe(first!.headers['webhook-id']);
  expect(run.hooks.map(({ kind }) => kind)).toEqual(['onError', 'onComplete']);
  const hookIds = ['/failed', '/done'].map((path) => handlers.requests(path)[0]!.headers['webhook-id']);
  expect(hookIds[0]).not.toBe(hookIds[1]);
  expect(await post(failed.id, 'retry')).toMatchObject({ status: 409, body: { code: 'run_not_failed' } });
});

test('37 a retry may fail again, and be retried again', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/left', { status: 500 }, { status: 500 }, {});
  const { id } = await client.runToEnd(diamond('retried-twice'));
  await post(id, 'retry');
  expect((await client.ended(id)).state).toBe('failed');
  await post(id, 'retry');
  expect(await client.ended(id)).toMatchObject({ state: 'completed' });
  expect(handlers.requests('/right')).toHaveLength(1);
});

test('37 once anything was compensated a retry is refused', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/left', { status: 500 });
  const definition = diamond('compensated', { saga: true });
  const [start, ...rest] = definition.steps;
  const { id } = await client.runToEnd({
    ...definition,
    steps: [{ ...start, compensation: '/undo' }, ...rest],
  });
  expect(await post(id, 'retry')).toMatchObject({ status: 409, body: { code: 'already_compensated' } });
  expect(await post(id, 'rerun', { fromStep: 'left' })).toMatchObject({
    status: 409,
    body: { code: 'already_compensated' },
  });
});

test('37 a run that timed out gets its whole time again', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/left', { delayMs: 30_000 }, {});
  const { id } = await client.runToEnd(diamond('timed-out', { timeout: 1 }));
  expect((await post(id, 'retry')).status).toBe(200);
  expect(await client.ended(id)).toMatchObject({ state: 'completed' });
});

test('76 rerun from a step with edited input re-sends that step and what hangs from it only', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/start', { body: 'started' });
  const old = await client.runToEnd(diamond('rerun'));
  handlers.reset();
  const { status, body } = await post(old.id, 'rerun', { fromStep: 'left', context: { n: 2 } });
  expect([status, body.rerunOf]).toEqual([201, old.id]);
  expect(body.id).not.toBe(old.id);
  const run = await client.ended(body.id);
  expect(run).toMatchObject({ state: 'completed', context: { n: 2 }, rerunOf: old.id });
  expect(run.completedSteps).toEqual(['start', 'left', 'right', 'join']);
  expect(handlers.paths()).toEqual(['/left', '/join']);
  expect(handlers.requests('/join')[0]!.body).toMatchObject({
    context: { n: 2 },
    previousSteps: { start: { result: 'started' }, right: { success: true } },
  });
  expect((await client.status(old.id)).context).toEqual({ n: 1 });
});

test('76 the new run compensates the steps that it took over', async () => {
  const { client, handlers } = platform.now;
  const definition = diamond('rerun-saga', { saga: true });
  const steps = definition.steps.map((step) => ({ ...step, compensation: `/undo-${step.id}` }));
  const old = await client.runToEnd({ ...definition, steps });
  handlers.reset();
  handlers.on('/join', { status: 400 });
  const { body } = await post(old.id, 'rerun', { fromStep: 'join' });
  expect((await client.ended(body.id)).state).toBe('failed');
  const undone = handlers.paths().filter((path) => path.startsWith('/undo'));
  expect([undone.at(-1), undone.toSorted()]).toEqual([
    '/undo-start',
    ['/undo-left', '/undo-right', '/undo-start'],
  ]);
});

test('76 without fromStep everything goes again; what does not exist or has not ended is refused', async () => {
  const { client, handlers } = platform.now;
  const old = await client.runToEnd(diamond('rerun-all'));
  handlers.reset();
  const { body } = await post(old.id, 'rerun');
  expect((await client.ended(body.id)).context).toEqual({ n: 1 });
  expect(handlers.paths()).toHaveLength(4);
  expect(await post(old.id, 'rerun', { fromStep: 'nobody' })).toMatchObject({ status: 404 });
  handlers.on('/start', { delayMs: 30_000 });
  const running = await client.run(diamond('running'));
  expect(await post(running.id, 'rerun', { fromStep: 'left' })).toMatchObject({
    status: 409,
    body: { code: 'run_not_ended' },
  });
  await post(running.id, 'cancel');
});

test('76 a branch that was not taken stays untaken', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/a', { body: { success: true, next: ['b'] } });
  const old = await client.runToEnd({
    id: 'rerun-branch',
    steps: [
      { id: 'a', url: '/a' },
      { id: 'b', url: '/b', dependsOn: 'a' },
      { id: 'c', url: '/c', dependsOn: 'a' },
    ],
  });
  handlers.reset();
  const { body } = await post(old.id, 'rerun', { fromStep: 'b' });
  const run = await client.ended(body.id);
  expect(run.steps.map(({ state, reason }) => reason ?? state)).toEqual([
    'completed',
    'completed',
    'branch_not_taken',
  ]);
  expect(handlers.paths()).toEqual(['/b']);
});

test('76 what hangs from a step that runs again runs again, and what is inProgress starts beside a copy', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/a', { status: 400 }, {});
  const old = await client.runToEnd({
    id: 'rerun-below',
    defaults: once,
    failurePolicy: 'continue',
    steps: [
      { id: 'a', url: '/a' },
      { id: 'b', url: '/b', dependsOn: 'a' },
      { id: 'c', url: '/c' },
      { id: 'beside', url: '/beside', dependsOn: 'c', runCondition: 'inProgress' },
    ],
  });
  expect(old).toMatchObject({ state: 'completed', failedSteps: ['a'] });
  const again = async (fromStep: string) => {
    handlers.reset();
    const { body } = await post(old.id, 'rerun', { fromStep });
    expect((await client.ended(body.id)).state).toBe('completed');
    return handlers.paths().toSorted();
  };
  expect(await again('beside')).toEqual(['/a', '/b', '/beside']);
});

test('76 a fan-out is taken over as it was: by hand what was by hand, and compensated where it completed', async () => {
  const { client, handlers } = platform.now;
  const command = (run: string, path: string, body = {}) =>
    client.api('POST', `/v1/runs/${run}/${path}`, body);
  const flow = (id: string) => ({
    id,
    saga: true,
    context: { items: [0, 1, 2] },
    defaults: once,
    steps: [
      { id: 'each', url: '/each', forEach: 'context.items', maxConcurrency: 1, compensation: '/undo' },
      { id: 'last', url: '/last', dependsOn: 'each' },
    ],
  });
  handlers.on('/each', async ({ body }) => {
    const { index } = body.step as { index: number };
    const { id } = body.run as { id: string };
    if (index === 0) await command(id, 'steps/each%5B1%5D/skip');
    return { body: index };
  });
  const old = await client.runToEnd(flow('rerun-skipped'));
  expect(old.results.each).toEqual([0, null, 2]);
  handlers.reset();
  handlers.on('/last', { status: 400 });
  const { body } = await post(old.id, 'rerun', { fromStep: 'last' });
  const run = await client.ended(body.id);
  expect(run.compensation.map(({ stepId }) => stepId)).toEqual(['each[2]', 'each[0]']);
  expect(handlers.requests('/each')).toEqual([]);

  handlers.reset();
  handlers.on('/each', { delayMs: 30_000 });
  const held = await client.run(flow('rerun-by-hand'));
  await handlers.waitFor('/each');
  await command(held.id, 'steps/each/complete', { result: { by: 'hand' } });
  await client.ended(held.id);
  const second = await post(held.id, 'rerun', { fromStep: 'last' });
  expect((await client.ended(second.body.id)).results.each).toEqual({ by: 'hand' });
});

test('76 steps that were added by the API come along, and those of an answer are added by it again', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/a', async ({ body }) => {
    const { id } = body.run as { id: string };
    await client.api('POST', `/v1/runs/${id}/steps`, { steps: [{ id: 'x', url: '/x', parent: 'a' }] });
    return { body: { success: true, addSteps: [{ id: 'y', url: '/y' }] } };
  });
  const old = await client.runToEnd({ id: 'rerun-added', steps: [{ id: 'a', url: '/a' }] });
  expect(old.completedSteps).toEqual(['a', 'x', 'y']);
  const { body } = await post(old.id, 'rerun', { fromStep: 'a' });
  const run = await client.ended(body.id);
  expect([run.state, run.completedSteps.toSorted()]).toEqual(['completed', ['a', 'x', 'y']]);
});
