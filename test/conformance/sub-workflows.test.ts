/** Steps that are runs of other workflows. */
import { expect, test } from 'vitest';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();

/** Stores the child workflow under its key. */
async function store(definition: { id: string; saga?: boolean; steps: readonly object[] }): Promise<void> {
  const { status } = await platform.now.client.api('PUT', `/v1/workflows/${definition.id}`, definition);
  expect([200, 201]).toContain(status);
}

const parent = (id: string, fields: object = {}) => ({
  id,
  context: { order: 7 },
  steps: [
    { id: 'child', workflow: `${id}-child`, ...fields },
    { id: 'after', url: '/after', dependsOn: ['child'] },
  ],
});

test('the child has the context of its parent, its results are the step’s, and both name each other', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/inner', { body: { inner: true } });
  await store({ id: 'linked-child', steps: [{ id: 'inner', url: '/inner' }] });
  const run = await client.runToEnd(parent('linked'));
  expect(run.state).toBe('completed');
  const { childRunId } = run.steps[0]!;
  expect(run.results.child).toEqual({
    runId: childRunId,
    state: 'completed',
    results: { inner: { inner: true } },
  });
  expect(await client.status(childRunId!)).toMatchObject({ parentRunId: run.id, context: { order: 7 } });
  expect(handlers.requests('/after')[0]!.body.previousSteps).toMatchObject({
    child: { success: true, result: { results: { inner: { inner: true } } } },
  });
});

test('a payload is the child’s context; its failure fails the step, and the run', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/inner', { status: 400, body: { error: { code: 'no_stock', message: 'none left' } } });
  await store({ id: 'failing-child', steps: [{ id: 'inner', url: '/inner' }] });
  const run = await client.runToEnd(parent('failing', { payload: { item: 3 } }));
  expect(run).toMatchObject({ state: 'failed', failedSteps: ['child'], skippedSteps: ['after'] });
  expect(run.steps[0]!.error).toMatchObject({
    code: 'workflow_failed',
    details: { error: { stepId: 'inner' } },
  });
  expect(handlers.requests('/inner')[0]!.body.context).toEqual({ item: 3 });
});

test('a cancel of the parent cancels the child; that of the child fails the step', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/inner', { delayMs: 30_000 });
  await store({ id: 'cancelled-child', steps: [{ id: 'inner', url: '/inner' }] });
  const first = await client.run(parent('cancelled'));
  await handlers.waitFor('/inner');
  const { childRunId } = (await client.status(first.id)).steps[0]!;
  await client.api('POST', `/v1/runs/${first.id}/cancel`, {});
  expect((await client.ended(childRunId!)).state).toBe('cancelled');
  expect((await client.ended(first.id)).state).toBe('cancelled');

  const second = await client.run(parent('cancelled'));
  await handlers.waitFor('/inner', 2);
  const other = (await client.status(second.id)).steps[0]!.childRunId!;
  await client.api('POST', `/v1/runs/${other}/cancel`, {});
  expect(await client.ended(second.id)).toMatchObject({ state: 'failed', failedSteps: ['child'] });
});

test.each([true, false])('a cancel with compensate %s says so to the child', async (compensate) => {
  const { client, handlers } = platform.now;
  handlers.on('/inner', { delayMs: 30_000 });
  const first = { id: 'first', url: '/first', compensation: '/undo' };
  await store({ id: 'undoing-child', saga: true, steps: [first, { id: 'inner', url: '/inner' }] });
  const { id } = await client.run(parent('undoing'));
  await handlers.waitFor('/inner');
  const { childRunId } = (await client.status(id)).steps[0]!;
  await client.api('POST', `/v1/runs/${id}/cancel`, { compensate });
  expect((await client.ended(childRunId!)).state).toBe('cancelled');
  expect(handlers.requests('/undo')).toHaveLength(compensate ? 1 : 0);
});

test('a workflow that does not exist fails the step; one that contains itself ends at depth 10', async () => {
  const { client } = platform.now;
  const unknown = await client.runToEnd(parent('unknown'));
  expect(unknown.steps[0]!.error).toMatchObject({ code: 'unknown_workflow' });
  await store({ id: 'endless-child', steps: [{ id: 'again', workflow: 'endless-child' }] });
  const run = await client.runToEnd(parent('endless'));
  expect(run.state).toBe('failed');
  let depth = 1;
  let error = run.steps[0]!.error;
  for (let id = run.steps[0]!.childRunId; id; depth++) {
    const child = await client.status(id);
    id = child.steps[0]!.childRunId;
    error = child.steps[0]!.error;
  }
  expect([depth, error]).toMatchObject([10, { code: 'too_deep' }]);
});

test('the parent’s process may die while the child runs', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/inner', { delayMs: 30_000 }, {});
  await store({ id: 'orphan-child', steps: [{ id: 'inner', url: '/inner' }] });
  const { id } = await client.run(parent('orphan'));
  await handlers.waitFor('/inner');
  await platform.now.kill();
  await platform.now.restart();
  expect((await client.ended(id)).state).toBe('completed');
  expect(handlers.requests('/after')).toHaveLength(1);
});

test('in a saga the step’s own compensation undoes a child that completed', async () => {
  const { client, handlers } = platform.now;
  await store({ id: 'undone-child', steps: [{ id: 'inner', url: '/inner' }] });
  handlers.on('/after', { status: 400 });
  const run = await client.runToEnd({ ...parent('undone', { compensation: '/undo' }), saga: true });
  expect(run).toMatchObject({ state: 'failed', compensation: [{ stepId: 'child', state: 'completed' }] });
  const { childRunId } = run.steps[0]!;
  expect(handlers.requests('/undo')[0]!.body.result).toMatchObject({ runId: childRunId });
});
