/** The examples of the page that Waybill's API comes from, as they stand: only `platform` is ours. */
import { createSigner } from '@waybill/signing';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fakeApi, type SeenRequest } from '../testing/fake-api.ts';
import { signedRequest, signingSecret } from '../testing/signed-request.ts';
import { Waybill } from './index.ts';

const platform = new Waybill();
let seen: SeenRequest[];

beforeEach(async () => {
  const step = { id: 'validate', state: 'completed' };
  const api = await fakeApi({ json: { id: 'run_1', state: 'running', steps: [step] } });
  seen = api.seen;
  vi.stubEnv('WAYBILL_URL', api.url);
  vi.stubEnv('WAYBILL_API_KEY', 'wb_test');
  vi.stubEnv('WAYBILL_SIGNING_SECRET', signingSecret);
});

afterEach(() => vi.unstubAllEnvs());

test('chaining: retries, context and hooks', async () => {
  const workflow = await platform.workflows.create({
    id: 'order-processing',
    steps: [
      {
        id: 'validate',
        url: 'https://myapp.com/api/jobs/validate-order',
      },
      {
        id: 'process-payment',
        url: 'https://myapp.com/api/jobs/process-payment',
        dependsOn: ['validate'],
        retries: {
          maxAttempts: 3,
          backoff: 'exponential',
        },
      },
    ],
    context: {
      orderId: 'order_123',
      userId: 'user_456',
      items: [
        { sku: 'SKU001', quantity: 2 },
        { sku: 'SKU002', quantity: 1 },
      ],
    },
    onComplete: 'https://myapp.com/api/webhooks/workflow-complete',
    onError: 'https://myapp.com/api/webhooks/workflow-error',
  });
  expect(workflow.id).toBe('run_1');
  expect(seen[0]).toMatchObject({
    method: 'POST',
    url: '/v1/workflows',
    body: { steps: [{}, { retries: { maxAttempts: 3 } }], context: { orderId: 'order_123' } },
  });
});

test('a complex graph with relative URLs and parallel steps', async () => {
  await platform.workflows.create({
    id: 'complex-pipeline',
    steps: [
      { id: 'prepare', url: '/api/jobs/prepare' },

      // Parallel processing
      { id: 'process-a', url: '/api/jobs/process-a', dependsOn: ['prepare'], parallel: true },
      { id: 'process-b', url: '/api/jobs/process-b', dependsOn: ['prepare'], parallel: true },
      { id: 'process-c', url: '/api/jobs/process-c', dependsOn: ['prepare'], parallel: true },

      // Validation runs after process-c specifically
      { id: 'validate', url: '/api/jobs/validate', dependsOn: ['process-c'] },

      // Aggregate waits for all processing
      { id: 'aggregate', url: '/api/jobs/aggregate', dependsOn: ['process-a', 'process-b', 'process-c'] },

      // Notify waits for both aggregate AND validate
      { id: 'notify', url: '/api/jobs/notify', dependsOn: ['aggregate', 'validate'] },
    ],
    context: { pipelineId: 'pipeline_123' },
  });
  expect(seen[0]?.body).toMatchObject({ id: 'complex-pipeline', context: { pipelineId: 'pipeline_123' } });
});

test('a saga', async () => {
  await platform.workflows.create({
    id: 'order-saga',
    saga: true, // Enable saga mode
    steps: [
      {
        id: 'reserve-inventory',
        url: 'https://myapp.com/api/jobs/reserve-inventory',
        compensation: 'https://myapp.com/api/jobs/release-inventory',
      },
      {
        id: 'notify-customer',
        url: 'https://myapp.com/api/jobs/notify-customer',
        dependsOn: ['reserve-inventory'],
        // No compensation needed - notification is not reversible
      },
    ],
    context: {
      orderId: 'order_123',
      userId: 'user_456',
    },
  });
  expect(seen[0]?.body).toMatchObject({ saga: true });
});

test('the status', async () => {
  const logged: object[] = [];
  const console = { log: (line: object) => logged.push(line) };
  // Get workflow status
  const status = await platform.workflows.getStatus('workflow_abc123');

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
  expect(seen[0]?.url).toBe('/v1/runs/workflow_abc123');
  expect(logged).toMatchObject([{ id: 'run_1' }, { stepId: 'validate', state: 'completed' }]);
});

test('the fan-in handler', async () => {
  type NextRequest = Request;
  const created: object[] = [];
  const db = { batchResults: { create: async (row: object) => created.push(row) } };

  async function POST(req: NextRequest) {
    const isValid = await platform.jobs.verifyRequest(req);
    if (!isValid) {
      return new Response('Unauthorized', { status: 401 });
    }

    // The page is JavaScript: this is what its untyped body comes to.
    type Body = {
      context: { batchId: string };
      previousSteps: Record<string, { result: { success: boolean; processedCount: number } }>;
    };
    const { context, previousSteps } = (await req.json()) as Body;

    // Collect all results from parallel steps
    const processResults = Object.entries(previousSteps)
      .filter(([stepId]) => stepId.startsWith('process-'))
      .map(([stepId, result]) => ({
        stepId,
        ...result.result,
      }));

    // Aggregate statistics
    const stats = {
      total: processResults.length,
      successful: processResults.filter((r) => r.success).length,
      failed: processResults.filter((r) => !r.success).length,
      totalProcessed: processResults.reduce((sum, r) => sum + (r.processedCount || 0), 0),
    };

    // Store aggregated results
    await db.batchResults.create({
      data: {
        batchId: context.batchId,
        stats,
        results: processResults,
        completedAt: new Date(),
      },
    });

    return Response.json({
      success: true,
      result: stats,
    });
  }

  const body = JSON.stringify({
    context: { batchId: 'batch_123' },
    previousSteps: {
      prepare: { result: { success: true } },
      'process-item-1': { result: { success: true, processedCount: 3 } },
      'process-item-2': { result: { success: false, error: { code: 'http_500' } } },
    },
  });
  const answer = await POST(signedRequest({ body }));
  expect(await answer.json()).toEqual({
    success: true,
    result: { total: 2, successful: 1, failed: 1, totalProcessed: 3 },
  });
  expect(created).toMatchObject([{ data: { batchId: 'batch_123' } }]);

  const forged = signedRequest({ body });
  forged.headers.set(
    'webhook-signature',
    createSigner([signingSecret]).sign({ id: 'x', timestampSeconds: 1, body }),
  );
  expect((await POST(forged)).status).toBe(401);
});
