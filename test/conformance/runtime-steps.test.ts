/** Rows 47 and 52 to 54: steps that are added while the run is under way. */
import { expect, test } from 'vitest';
import { gate } from '../support/handlers.ts';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();
const noRetry = { maxAttempts: 1 };

interface Answer {
  readonly state: string;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly { path: string; message: string }[];
}

const addSteps = (run: string, steps: readonly object[]) =>
  platform.now.client.api<Answer>('POST', `/v1/runs/${run}/steps`, { steps });

const runOf = (body: { [member: string]: unknown }) => (body.run as { id: string }).id;

test('47 three inProgress children added inside the parent’s handler are sent before the parent answers', async () => {
  const { client, handlers } = platform.now;
  const children = ['/mail', '/stock', '/log'];
  handlers.on('/parent', async ({ body }) => {
    const steps = children.map((url) => {
      return { id: url.slice(1), url, parent: 'parent', runCondition: 'inProgress' };
    });
    expect(await addSteps(runOf(body), steps)).toMatchObject({ status: 200 });
    for (const child of children) await handlers.waitFor(child);
    return { body: { done: true } };
  });
  const run = await client.runToEnd({ id: 'in-progress', steps: [{ id: 'parent', url: '/parent' }] });
  expect(run).toMatchObject({ state: 'completed', completedSteps: ['parent', 'mail', 'stock', 'log'] });
  const answeredAt = handlers.requests('/parent')[0]!.answeredAt!;
  for (const child of children) expect(handlers.requests(child)[0]!.receivedAt).toBeLessThan(answeredAt);
});

test.each([
  [true, ['order', 'ship']],
  [false, ['order']],
])('52 with requiresShipping %s the run has the steps %j', async (requiresShipping, expected) => {
  const { client, handlers } = platform.now;
  handlers.on('/order', ({ body: { context } }) => {
    const ship = { id: 'ship', url: '/ship', delay: 0.3 };
    return { body: { success: true, result: 'ordered', addSteps: context.requiresShipping ? [ship] : [] } };
  });
  const { id } = await client.run({
    id: `shipping-${requiresShipping}`,
    context: { requiresShipping },
    steps: [{ id: 'order', url: '/order' }],
  });
  const run = await client.ended(id);
  expect([run.state, run.steps.map((step) => step.id), run.completedSteps]).toEqual([
    'completed',
    expected,
    expected,
  ]);
  expect(handlers.requests('/ship')).toHaveLength(requiresShipping ? 1 : 0);
  if (!requiresShipping) return;
  const [order] = handlers.requests('/order');
  const [ship] = handlers.requests('/ship');
  expect(ship!.receivedAt - order!.answeredAt!).toBeGreaterThanOrEqual(290);
  expect(ship!.body.previousSteps).toMatchObject({ order: { success: true, result: 'ordered' } });
});

test('53 a handler that adds an onFailure child and then answers 500 gets it sent; the parent is failed', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/charge', async ({ body }) => {
    const refund = { id: 'refund', url: '/refund', parent: 'charge', runCondition: 'onFailure' };
    expect(await addSteps(runOf(body), [refund])).toMatchObject({ status: 200 });
    return { status: 500, body: { error: { code: 'declined', message: 'the card was declined' } } };
  });
  const run = await client.runToEnd({
    id: 'on-failure-child',
    context: { orderId: 'o-1' },
    steps: [{ id: 'charge', url: '/charge', retries: noRetry }],
  });
  expect(run).toMatchObject({ state: 'failed', failedSteps: ['charge'], completedSteps: ['refund'] });
  const [refund] = handlers.requests('/refund');
  expect(refund!.body).toMatchObject({
    context: { orderId: 'o-1' },
    previousSteps: { charge: { success: false, error: { code: 'declined' } } },
  });
});

test('53 a failed answer may carry the child itself', async () => {
  const { client, handlers } = platform.now;
  const alarm = { id: 'alarm', url: '/alarm', runCondition: 'onFailure' };
  handlers.on('/charge', { status: 500, body: { error: 'no', addSteps: [alarm] } });
  const run = await client.runToEnd({
    id: 'added-in-failure',
    steps: [{ id: 'charge', url: '/charge', retries: noRetry }],
  });
  expect(run).toMatchObject({ state: 'failed', failedSteps: ['charge'], completedSteps: ['alarm'] });
});

test('54 re-adding the same child id on a retried attempt gives one child', async () => {
  const { client, handlers } = platform.now;
  const child = { id: 'child', url: '/child', payload: { n: 1 } };
  const failing = { status: 503, body: { success: false, retryable: true, addSteps: [child] } };
  handlers.on('/parent', failing, failing, { body: { success: true, addSteps: [child] } });
  const run = await client.runToEnd({
    id: 're-adding',
    steps: [{ id: 'parent', url: '/parent', retries: { initialDelay: 0.01 } }],
  });
  expect(run).toMatchObject({ state: 'completed', completedSteps: ['parent', 'child'] });
  expect([handlers.requests('/parent').length, handlers.requests('/child').length]).toEqual([3, 1]);
});

test('54 the same id with other content is refused: 409 for the API, a failed step for an answer', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/parent', async ({ body }) => {
    const child = { id: 'child', url: '/child', parent: 'parent' };
    expect(await addSteps(runOf(body), [child])).toMatchObject({ status: 200 });
    expect(await addSteps(runOf(body), [child])).toMatchObject({ status: 200 });
    const other = await addSteps(runOf(body), [{ ...child, url: '/other' }]);
    expect(other).toMatchObject({ status: 409, body: { code: 'step_conflict' } });
    return { body: { success: true, addSteps: [{ id: 'child', url: '/other' }] } };
  });
  const run = await client.runToEnd({ id: 'conflict', steps: [{ id: 'parent', url: '/parent' }] });
  expect(run.steps[0]).toMatchObject({ state: 'failed', error: { code: 'step_conflict' }, attempts: 1 });
  expect(run.steps[1]).toMatchObject({ id: 'child', state: 'skipped', reason: 'upstream_failed' });
});

test('54 a step of the definition that is added again word for word changes nothing', async () => {
  const { client, handlers } = platform.now;
  const root = { id: 'root', url: '/root' };
  const leaf = {
    id: 'leaf',
    url: '/leaf',
    dependsOn: 'root',
    headers: { 'x-own': '1' },
    runAfterFailure: true,
    payload: 1,
    retries: { maxAttempts: 2 },
  };
  handlers.on('/root', async ({ body }) => {
    expect(await addSteps(runOf(body), [root, leaf])).toMatchObject({ status: 200 });
    const left = ['headers', 'payload', 'runAfterFailure', 'retries'];
    const others = [{ parallel: true }, { runAfterFailure: false }, { payload: 2 }, { timeout: 21 }];
    for (const fields of [...others, ...left.map((field) => ({ [field]: undefined }))]) {
      const other = await addSteps(runOf(body), [{ ...leaf, ...fields }]);
      expect(other).toMatchObject({ status: 409, body: { code: 'step_conflict' } });
    }
    return { body: { success: true, addSteps: [root, leaf] } };
  });
  const run = await client.runToEnd({
    id: 'word-for-word',
    defaults: { timeout: 20, headers: { 'x-all': '1' }, retries: { initialDelay: 5 } },
    steps: [root, leaf],
  });
  expect(run).toMatchObject({ state: 'completed', completedSteps: ['root', 'leaf'] });
  expect(handlers.requests('/leaf')).toHaveLength(1);
});

test('next may name a step of the same answer', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/choose', {
    body: { success: true, next: ['new'], addSteps: [{ id: 'new', url: '/new' }] },
  });
  const run = await client.runToEnd({
    id: 'next-of-added',
    steps: [
      { id: 'choose', url: '/choose' },
      { id: 'old', url: '/old', dependsOn: ['choose'] },
    ],
  });
  expect(run).toMatchObject({ state: 'completed', completedSteps: ['choose', 'new'], skippedSteps: ['old'] });
});

test('a callback adds steps like an answer', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/slow', { status: 202, body: { pending: true } });
  const { id } = await client.run({ id: 'added-by-callback', steps: [{ id: 'slow', url: '/slow' }] });
  const [request] = await handlers.waitFor('/slow');
  const { url } = request!.body.callback as { url: string };
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ success: true, addSteps: [{ id: 'after', url: '/after' }] }),
  });
  expect(response.status).toBe(200);
  expect(await client.ended(id)).toMatchObject({ state: 'completed', completedSteps: ['slow', 'after'] });
});

test('steps added are validated like a definition, and wait for each other like it', async () => {
  const { client, handlers } = platform.now;
  const held = gate();
  handlers.on('/first', () => held.opened.then(() => ({})));
  const { id } = await client.run({ id: 'validated', steps: [{ id: 'first', url: '/first' }] });
  const refused = async (...steps: object[]) => {
    const { status, body } = await addSteps(id, steps);
    return [status, body.code, body.errors?.map(({ path }) => path)];
  };
  expect(
    await refused({ id: 'a', url: '/a', dependsOn: ['b'] }, { id: 'b', url: '/b', dependsOn: ['a'] }),
  ).toEqual([422, 'invalid_steps', ['steps']]);
  expect(await refused({ id: 'a', url: '/a', dependsOn: ['nobody'] })).toEqual([
    422,
    'invalid_steps',
    ['steps[0].dependsOn[0]'],
  ]);
  expect(await refused({ id: 'a', url: 'ftp://a.test/', parallel: 'yes' })).toEqual([
    422,
    'invalid_steps',
    ['steps[0].parallel', 'steps[0].url'],
  ]);
  const answer = await addSteps(id, [
    { id: 'last', url: '/last', dependsOn: ['middle'] },
    { id: 'middle', url: '/middle', parent: 'first' },
  ]);
  expect(answer.status).toBe(200);
  held.open();
  expect((await client.ended(id)).state).toBe('completed');
  expect(handlers.paths()).toEqual(['/first', '/middle', '/last']);
  expect(await addSteps(id, [{ id: 'late', url: '/late' }])).toMatchObject({
    status: 409,
    body: { code: 'run_ended' },
  });
});

test('a failing run takes only steps of its failure path', async () => {
  const { client, handlers } = platform.now;
  const held = gate();
  handlers.on('/slow', () => held.opened.then(() => ({})));
  handlers.on('/bad', { status: 400 });
  const { id } = await client.run({
    id: 'failing',
    defaults: { parallel: true },
    steps: [
      { id: 'slow', url: '/slow' },
      { id: 'bad', url: '/bad' },
    ],
  });
  await client.until(id, ({ phase }) => phase === 'draining');
  expect(await addSteps(id, [{ id: 'more', url: '/more', parent: 'slow' }])).toMatchObject({
    status: 409,
    body: { code: 'run_ending' },
  });
  const cleanup = { id: 'cleanup', url: '/cleanup', parent: 'bad', runCondition: 'onFailure' };
  expect(await addSteps(id, [cleanup])).toMatchObject({ status: 200 });
  held.open();
  expect(await client.ended(id)).toMatchObject({ state: 'failed', completedSteps: ['slow', 'cleanup'] });
});
