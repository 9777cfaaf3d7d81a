/** The seed page's own examples through the SDK. Its definitions are in support/seed-definitions.ts: as they stand, but for the host. */
import { expect, test } from 'vitest';
import { chain, chainPaths, fanOut, graph, saga } from '../support/seed-definitions.ts';
import { fanInRoute, mounted } from '../support/seed-fan-in.ts';
import { usePlatform } from '../support/setup.ts';

const server = usePlatform();

test('chaining jobs', async () => {
  const { handlers, client } = server.now;
  const platform = server.sdk();
  const workflow = await platform.workflows.create(chain(handlers.url));
  expect((await platform.workflows.wait(workflow.id)).state).toBe('completed');
  await client.done(workflow.id);
  expect(handlers.paths()).toEqual([...chainPaths, '/api/webhooks/workflow-complete']);
});

test('the overview: relative urls', async () => {
  const { handlers } = server.now;
  const platform = server.sdk();
  const workflow = await platform.workflows.create({
    id: 'order-processing',
    steps: [
      { id: 'validate', url: '/api/jobs/validate-order' },
      { id: 'charge', url: '/api/jobs/charge-payment', dependsOn: ['validate'] },
      { id: 'fulfill', url: '/api/jobs/fulfill-order', dependsOn: ['charge'] },
      { id: 'notify', url: '/api/jobs/send-confirmation', dependsOn: ['fulfill'] },
    ],
    context: {
      orderId: 'order_123',
      userId: 'user_456',
    },
  });
  await platform.workflows.wait(workflow.id);
  expect(handlers.paths()).toEqual([
    '/api/jobs/validate-order',
    '/api/jobs/charge-payment',
    '/api/jobs/fulfill-order',
    '/api/jobs/send-confirmation',
  ]);
});

test('fan-out, and the fan-in handler', async () => {
  const { handlers } = server.now;
  const platform = server.sdk();
  const { POST, rows } = fanInRoute(platform);
  handlers
    .on('/api/jobs/process-item', { body: { success: true, result: { processedCount: 7 } } })
    .on('/api/jobs/finalize-batch', mounted(POST));
  const workflow = await platform.workflows.create(fanOut(handlers.url));
  const { results } = await platform.workflows.wait(workflow.id);
  expect(results.finalize).toEqual({ total: 3, successful: 3, failed: 0, totalProcessed: 21 });
  expect(rows).toHaveLength(1);
});

test('the graph, and its status', async () => {
  const logged: object[] = [];
  const console = { log: (line: object) => logged.push(line) };
  const platform = server.sdk();
  const workflow = await platform.workflows.create(graph());
  await platform.workflows.wait(workflow.id);

  // From here to the end of the loop: the seed's text, but for the id.
  const status = await platform.workflows.getStatus(workflow.id);

  console.log({
    id: status.id,
    state: status.state, // 'pending' | 'running' | 'completed' | 'failed'
    startedAt: status.startedAt,
    completedAt: status.completedAt,
    currentStep: status.currentStep,
    completedSteps: status.completedSteps,
    failedSteps: status.failedSteps,
    context: status.context,
    results: status.results,
  });

  // Get detailed step information
  for (const step of status.steps) {
    console.log({
      stepId: step.id,
      state: step.state,
      startedAt: step.startedAt,
      completedAt: step.completedAt,
      attempts: step.attempts,
      result: step.result,
      error: step.error,
    });
  }

  const ids = graph().steps.map((step) => step.id);
  const [run, ...steps] = logged;
  expect(run).toMatchObject({
    id: workflow.id,
    state: 'completed',
    currentStep: null,
    failedSteps: [],
    context: graph().context,
  });
  expect(steps).toMatchObject(
    ids.map((stepId) => ({ stepId, state: 'completed', attempts: 1, error: null })),
  );
});

test('a saga: if create-shipment fails, what was done is undone in reverse', async () => {
  const { handlers } = server.now;
  const platform = server.sdk();
  handlers.on('/api/jobs/create-shipment', { status: 400 });
  const workflow = await platform.workflows.create(saga(handlers.url));
  expect((await platform.workflows.wait(workflow.id)).state).toBe('failed');
  expect(handlers.paths()).toEqual([
    '/api/jobs/reserve-inventory',
    '/api/jobs/charge-payment',
    '/api/jobs/create-shipment',
    '/api/jobs/refund-payment',
    '/api/jobs/release-inventory',
  ]);
});
