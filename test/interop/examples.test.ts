/** The examples as their README has them: handlers and starter are processes of their own. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Example, startExample } from '../support/example.ts';
import { type Platform, startPlatform } from '../support/platform.ts';

const signingSecret = `whsec_${randomBytes(24).toString('base64')}`;
const secret = { WAYBILL_SIGNING_SECRET: signingSecret };

/** Handlers of an example, and a platform whose relative URLs lead to them. */
function useExample(command: readonly [string, ...string[]], env: Record<string, string> = {}) {
  const started = {} as { handlers: Example; platform: Platform };
  beforeAll(async () => {
    started.handlers = startExample(command, { ...secret, ...env });
    const [, url] = await started.handlers.line(/ready on (\S+)/);
    started.platform = await startPlatform({ env: { ...secret, WAYBILL_BASE_URL: url! } });
  });
  afterAll(() => Promise.all([started.handlers?.stop(), started.platform?.stop()]));
  return started;
}

describe('in TypeScript', () => {
  const example = useExample(['node', 'examples/dist/serve.js'], { PORT: '0' });

  const start = (name: string) => {
    const { url, apiKey } = example.platform;
    return startExample(['node', 'examples/dist/start.js', name], {
      WAYBILL_URL: url,
      WAYBILL_API_KEY: apiKey,
    });
  };

  test.each([
    ['order-processing', /completed in .*: 5 of 5 steps completed$/],
    ['order-saga', /failed in .*: 2 of 4 steps completed, create-shipment failed, 2 of 2 compensated$/],
    ['batch-process', /completed in .*: 5 of 5 steps completed$/],
  ])('%s ends as it should', async (name, last) => {
    const starter = start(name);
    await starter.line(last);
    expect(await starter.ended()).toBe(0);
  });

  test('newsletter sends one request for each subscriber, and reports the one that failed', async () => {
    const starter = start('newsletter');
    await starter.line(/^ {2}report +completed +\{"issue":7,"sent":4,"failed":1\}$/);
    await starter.line(/^ {2}send\[2\] +failed +\{"code":"no_address"/);
    await starter.line(/completed in .*: 3 of 3 steps completed$/);
    expect(await starter.ended()).toBe(0);
  });

  test('expenses are paid once somebody has approved by the link that was printed', async () => {
    const starter = start('expenses');
    const [, link] = await example.handlers.line(/Ada spent 120; to decide, open (\S+)/);
    const form = new URLSearchParams({ approved: 'true', comment: 'fine' });
    expect((await fetch(link!, { method: 'POST', body: form })).status).toBe(200);
    await starter.line(/^ {2}pay +completed +\{"paid":120,"comment":"fine"\}$/);
    await starter.line(/^ {2}decline +skipped /);
    expect(await starter.ended()).toBe(0);
  });
});

const inPython = () => {
  const example = useExample(['python3', 'examples/python/handler.py', '0']);

  test('the saga of an order that cannot be shipped is undone', async () => {
    const run = await example.platform.client.runToEnd({
      id: 'order',
      saga: true,
      context: { orderId: 'order_123' },
      steps: [
        { id: 'reserve', url: '/jobs/reserve', compensation: '/jobs/release' },
        { id: 'charge', url: '/jobs/charge', dependsOn: 'reserve' },
        { id: 'ship', url: '/jobs/ship', dependsOn: 'charge' },
      ],
    });
    expect(run).toMatchObject({ state: 'failed', failedSteps: ['ship'] });
    expect(run.results.charge).toEqual({ paymentId: 'pay_order_123', for: 'res_order_123' });
    expect(run.compensation).toMatchObject([{ stepId: 'reserve', state: 'completed' }]);
  });

  test('a step is added for each parcel', async () => {
    const run = await example.platform.client.runToEnd({
      id: 'parcels',
      context: { parcels: [{ sku: 'SKU001' }, { sku: 'SKU002' }] },
      steps: [{ id: 'split', url: '/jobs/split' }],
    });
    expect(run).toMatchObject({ state: 'completed', completedSteps: ['split', 'send-0', 'send-1'] });
    expect(run.results).toEqual({
      split: { parcels: 2 },
      'send-0': { trackingNumber: 'track_SKU001' },
      'send-1': { trackingNumber: 'track_SKU002' },
    });
  });
};

if (spawnSync('python3', ['--version']).status === 0) describe('in Python, without any SDK', inPython);
else console.warn('python3 is not on this machine: its examples are left out');
