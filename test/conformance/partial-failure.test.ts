import { expect, test } from 'vitest';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();
const once = { maxAttempts: 1 };

const fanIn = (failurePolicy: string) => ({
  id: `partial-${failurePolicy}`,
  failurePolicy,
  steps: [
    { id: 'process-a', url: '/a', parallel: true, retries: once },
    { id: 'process-b', url: '/b', parallel: true, retries: once },
    { id: 'fan-in', url: '/fan-in', dependsOn: ['process-a', 'process-b'] },
  ],
});

test('36 continue: the fan-in gets the failed entry, and the run completes with the id in failedSteps', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/b', { status: 500, body: { error: { code: 'down', message: 'b is down' } } });
  const run = await client.runToEnd(fanIn('continue'));
  expect([run.state, run.failedSteps, run.error]).toEqual(['completed', ['process-b'], null]);
  const [request] = handlers.requests('/fan-in');
  const { previousSteps } = request!.body as { previousSteps: Record<string, unknown> };
  expect(previousSteps['process-b']).toMatchObject({
    state: 'failed',
    success: false,
    result: { success: false, error: { code: 'down', message: 'b is down' } },
  });
  expect(previousSteps['process-a']).toMatchObject({ state: 'completed', success: true });
});

test('36 a step may continue where the workflow fails, and nothing is compensated for it', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/optional', { status: 400 });
  const run = await client.runToEnd({
    id: 'optional-step',
    saga: true,
    steps: [
      { id: 'first', url: '/first', compensation: '/undo' },
      { id: 'optional', url: '/optional', dependsOn: ['first'], failurePolicy: 'continue' },
      { id: 'last', url: '/last', dependsOn: ['optional'] },
    ],
  });
  expect([run.state, run.completedSteps, run.failedSteps]).toEqual([
    'completed',
    ['first', 'last'],
    ['optional'],
  ]);
  expect(handlers.requests('/undo')).toHaveLength(0);
});

test('37 retry: when the rest has settled only the failed steps are sent again, as new deliveries', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/b', { status: 500 }, { status: 200, body: { success: true, result: 'second round' } });
  const run = await client.runToEnd(fanIn('retry'));
  expect([run.state, run.failedSteps]).toEqual(['completed', []]);
  expect(run.results).toMatchObject({ 'process-b': 'second round' });
  const [first, second] = handlers.requests('/b');
  expect(second!.headers['webhook-id']).not.toBe(first!.headers['webhook-id']);
  expect([first, second].map((request) => request!.headers['waybill-attempt'])).toEqual(['1', '2']);
  expect(handlers.requests('/a')).toHaveLength(1);
  expect(handlers.requests('/fan-in')).toHaveLength(1);
});

test('37 after the last round a failure is final', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/b', { status: 500 });
  const run = await client.runToEnd(fanIn('retry'));
  expect([run.state, run.failedSteps, run.skippedSteps]).toEqual(['failed', ['process-b'], ['fan-in']]);
  expect(handlers.requests('/b')).toHaveLength(2);
});
