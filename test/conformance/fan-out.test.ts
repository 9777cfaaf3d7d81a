/** Row 73: `forEach`. */
import { expect, test } from 'vitest';
import { gate, type SeenRequest } from '../support/handlers.ts';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();

interface Instance {
  readonly item: { readonly n: number };
  readonly index: number;
  readonly id: string;
}

const instanceOf = ({ body }: SeenRequest) => body.step as unknown as Instance;
const items = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));
const fanOut = (id: string, context: object, fields: object = {}) => ({
  id,
  context,
  steps: [
    { id: 'each', url: '/each', forEach: 'context.items', retries: { maxAttempts: 1 }, ...fields },
    { id: 'reduce', url: '/reduce', dependsOn: ['each'] },
  ],
});

test('73 forEach over 1,000 items with maxConcurrency 20 never exceeds 20 and keeps the order', async () => {
  const { client, handlers } = platform.now;
  let open = 0;
  let most = 0;
  const twenty = gate();
  handlers.on('/each', async (request) => {
    most = Math.max(most, ++open);
    if (most === 20) twenty.open();
    await twenty.opened;
    // Answers come in another order than the requests.
    await new Promise((resolve) => setTimeout(resolve, instanceOf(request).index % 7));
    open--;
    return { body: instanceOf(request).item.n * 2 };
  });
  const run = await client.runToEnd(fanOut('thousand', { items: items(1000) }, { maxConcurrency: 20 }));
  expect(run).toMatchObject({ state: 'completed', completedSteps: ['each', 'reduce'] });
  expect(most).toBe(20);
  const doubled = items(1000).map(({ n }) => n * 2);
  expect(run.results.each).toEqual(doubled);
  expect(handlers.requests('/each')).toHaveLength(1000);
  expect(handlers.requests('/reduce')[0]!.body.previousSteps).toMatchObject({
    each: { success: true, result: doubled },
  });
  const instance = run.steps.find(({ id }) => id === 'each[999]');
  expect(instance).toMatchObject({ state: 'completed', result: 1998, index: 999, item: { n: 999 } });
});

test('73 a tolerated failure has its entry in the results', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/each', (request) => (instanceOf(request).index === 1 ? { status: 400 } : { body: 'fine' }));
  const run = await client.runToEnd(fanOut('tolerated', { items: items(10) }, { toleratedFailures: '10%' }));
  expect(run).toMatchObject({ state: 'completed', failedSteps: [] });
  const results = run.results.each as unknown[];
  expect(results[0]).toBe('fine');
  expect(results[1]).toMatchObject({ success: false, error: { code: 'http_400' } });
});

test('73 past the tolerance no new instance is sent, and the step fails naming the indices', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/each', (request) => (instanceOf(request).index >= 3 ? { status: 400 } : {}));
  const fields = { toleratedFailures: 1, maxConcurrency: 1 };
  const run = await client.runToEnd(fanOut('too-many', { items: items(10) }, fields));
  expect(run).toMatchObject({ state: 'failed', failedSteps: ['each'], skippedSteps: ['reduce'] });
  expect(run.steps[0]!.error).toMatchObject({
    code: 'too_many_failures',
    message: expect.stringMatching(/^2 of 10 instances failed, 1 may: 3, 4$/),
    details: { indices: [3, 4] },
  });
  expect(handlers.requests('/each')).toHaveLength(5);
  expect(run.steps.find(({ id }) => id === 'each[9]')).toMatchObject({
    state: 'skipped',
    reason: 'too_many_failures',
  });
});

test('an instance is retried by itself, with one webhook-id of its own', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/each', (request) => {
    const isFirst = request.headers['waybill-attempt'] === '1';
    return isFirst && instanceOf(request).index === 1 ? { status: 500 } : {};
  });
  const retries = { maxAttempts: 2, initialDelay: 0.02 };
  const run = await client.runToEnd(fanOut('retried', { items: items(3) }, { retries }));
  expect(run.state).toBe('completed');
  const seen = handlers
    .requests('/each')
    .map((request) => [instanceOf(request).id, request.headers['webhook-id']]);
  expect(seen).toHaveLength(4);
  expect(new Set(seen.map(([, id]) => id)).size).toBe(3);
  expect(await client.attempts(run.id, 'each%5B1%5D')).toMatchObject([
    { attempt: 1, status: 500 },
    { attempt: 2, status: 200 },
  ]);
});

test('an empty list completes at once, a list out of a result keeps its digits, no list fails the step', async () => {
  const { client, handlers } = platform.now;
  expect(await client.runToEnd(fanOut('empty', { items: [] }))).toMatchObject({
    state: 'completed',
    results: { each: [] },
  });
  expect(handlers.requests('/each')).toHaveLength(0);
  handlers.on('/list', { body: '{"ids": [12345678901234567890, {"b":1, "a":2}]}' });
  await client.runToEnd({
    id: 'exact',
    steps: [
      { id: 'list', url: '/list' },
      { id: 'each', url: '/each', dependsOn: ['list'], forEach: 'steps.list.result.ids', maxConcurrency: 1 },
    ],
  });
  const texts = handlers.requests('/each').map(({ raw }) => /"item":(.*),"index"/.exec(raw)![1]);
  expect(texts).toEqual(['12345678901234567890', '{"b":1, "a":2}']);
  const failed = await client.runToEnd(fanOut('no-list', { items: 'none' }));
  expect(failed.steps[0]).toMatchObject({
    state: 'failed',
    error: { code: 'expression_failed' },
    attempts: 0,
  });
});

test('each completed instance is compensated with its own item, in reverse order of completion', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/reduce', { status: 400 });
  const { steps, ...flow } = fanOut('compensated', { items: items(3) }, { maxConcurrency: 1 });
  const run = await client.runToEnd({
    ...flow,
    saga: true,
    steps: [{ ...steps[0], compensation: '/undo' }, steps[1]],
  });
  expect(run.state).toBe('failed');
  const undone = handlers.requests('/undo').map((request) => instanceOf(request).item);
  expect(undone).toEqual([{ n: 2 }, { n: 1 }, { n: 0 }]);
  expect(run.compensation.map(({ stepId }) => stepId)).toEqual(['each[2]', 'each[1]', 'each[0]']);
});

test('a share is of the whole: 29 of 100 are 29 %', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/each', (request) => (instanceOf(request).index < 29 ? { status: 400 } : {}));
  const fields = { toleratedFailures: '29%', maxConcurrency: 100 };
  const run = await client.runToEnd(fanOut('share', { items: items(100) }, fields));
  expect(run.state).toBe('completed');
});

test('73 a forEach counts the attempts of its instances, and says when one may have acted', async () => {
  const { client, handlers } = platform.now;
  const held = gate();
  handlers.on('/each', async (request) => {
    if (instanceOf(request).index === 0) return { body: 'fine' };
    await held.opened;
    return {};
  });
  const retries = { maxAttempts: 2, initialDelay: 0.01 };
  const run = await client.runToEnd(fanOut('counted', { items: items(2) }, { retries, timeout: 0.2 }));
  held.open();
  expect(run.steps.find(({ id }) => id === 'each')).toMatchObject({
    state: 'failed',
    attempts: 3,
    outcome: 'unknown',
  });
});
