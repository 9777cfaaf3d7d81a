/** Limits: each a setting, each refusal with the limit's name and value. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Problem } from '../support/client.ts';
import { type Platform, startPlatform } from '../support/platform.ts';

const settings = {
  requestBodyBytesMax: 40_000,
  jsonDepthMax: 20,
  contextBytesMax: 1000,
  resultBytesMax: 2000,
  deliveryBytesMax: 3000,
  runStateBytesMax: 30_000,
  stepsMax: 5,
  subWorkflowDepthMax: 2,
  expressionCharsMax: 30,
  attemptsMax: 4,
  delaySecondsMax: 86_400,
};
type Name = keyof typeof settings;

let platform: Platform;
beforeAll(async () => {
  const variable = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
  const pairs = Object.entries(settings).map(([name, value]) => [`WAYBILL_${variable(name)}`, String(value)]);
  platform = await startPlatform({ env: Object.fromEntries(pairs) });
});
afterAll(() => platform?.stop());

const limit = (name: Name) => ({ name, value: settings[name] });
const step = (id: string, fields: object = {}) => ({ id, url: `/${id}`, ...fields });
const flow = (...steps: object[]) => ({ id: 'limited', timeout: 1000, steps });
const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);

test.each<[Name, number, object]>([
  ['requestBodyBytesMax', 413, { ...flow(step('a')), context: { text: 'x'.repeat(40_000) } }],
  ['contextBytesMax', 413, { ...flow(step('a')), context: { text: 'x'.repeat(1000) } }],
  ['jsonDepthMax', 400, { ...flow(step('a')), context: { deep: nested(20) } }],
  ['stepsMax', 422, flow(...['a', 'b', 'c', 'd', 'e', 'f'].map((id) => step(id)))],
  ['expressionCharsMax', 422, flow(step('a'), step('b', { when: `context.x == "${'x'.repeat(30)}"` }))],
  ['resultBytesMax', 413, flow({ id: 'a', waitFor: { signal: 's', timeout: 1, default: 'x'.repeat(2000) } })],
  ['attemptsMax', 422, flow(step('a', { retries: { maxAttempts: 5 } }))],
  ['delaySecondsMax', 422, flow(step('a', { timeout: '86401s' }))],
  ['delaySecondsMax', 422, flow(step('a', { runAt: new Date(Date.now() + 100_000_000).toISOString() }))],
  ['delaySecondsMax', 422, { ...flow(step('a')), defaults: { retries: { delays: [1, 86_401] } } }],
])('%s: a request above it is refused with %d and names it', async (name, status, definition) => {
  const { body, ...answer } = await platform.client.refused(definition);
  expect(answer.status).toBe(status);
  expect(body.limit).toEqual(limit(name));
  expect(`${body.detail} ${body.errors?.map(({ message }) => message)}`).toContain(
    `${name} ${settings[name]}`,
  );
  if (status === 422) expect(body.errors).toMatchObject([{ limit: limit(name) }]);
});

test('steps that are added are held to the same limits', async () => {
  const { client, handlers } = platform;
  handlers.on('/a', async ({ body }) => {
    const { id } = body.run as { id: string };
    const add = (steps: object[]) => client.api('POST', `/v1/runs/${id}/steps`, { steps });
    const many = ['b', 'c', 'd', 'e', 'f'].map((name) => step(name, { parent: 'a' }));
    expect(await add(many)).toMatchObject({ status: 422, body: { limit: limit('stepsMax') } });
    const late = [step('b', { parent: 'a', delay: 86_401 })];
    expect(await add(late)).toMatchObject({ status: 422, body: { limit: limit('delaySecondsMax') } });
    return {};
  });
  expect((await client.runToEnd(flow(step('a')))).state).toBe('completed');
});

test.each<[Name, string, object]>([
  ['resultBytesMax', 'result_too_large', { body: 'x'.repeat(2000) }],
  ['stepsMax', 'too_many_steps', { body: [1, 2, 3, 4, 5] }],
])('%s: an answer above it fails its step with %s', async (name, code, answer) => {
  platform.handlers.on('/list', answer);
  const retries = { maxAttempts: 1 };
  const run = await platform.client.runToEnd(
    flow(step('list', { retries }), step('each', { dependsOn: 'list', forEach: 'steps.list.result' })),
  );
  const failed = run.steps.find(({ state }) => state === 'failed');
  expect(failed?.error).toMatchObject({ code, details: { limit: limit(name) } });
});

test('resultBytesMax: a signal or a result by hand above it is refused, and the step waits on', async () => {
  const { client } = platform;
  const { id } = await client.run(flow({ id: 'w', waitFor: 'go' }));
  await client.until(id, ({ steps }) => steps[0]!.phase === 'signal');
  const link = await client.api<{ url: string }>('POST', `/v1/runs/${id}/steps/w/approval`, {});
  const approval = new URL(link.body.url).pathname;
  const large = 'x'.repeat(1999);
  for (const [path, body] of [
    [`/v1/runs/${id}/signals/go`, { payload: large }],
    [`/v1/runs/${id}/steps/w/complete`, { result: large }],
    [approval, { note: large }],
  ] as const) {
    expect(await client.api<Problem>('POST', path, body)).toMatchObject({
      status: 413,
      body: {
        code: 'result_too_large',
        limit: limit('resultBytesMax'),
        errors: [{ limit: limit('resultBytesMax') }],
      },
    });
  }
  const within = 'x'.repeat(1998);
  expect(await client.api('POST', `/v1/runs/${id}/signals/go`, { payload: within })).toMatchObject({
    status: 200,
  });
  expect(await client.ended(id)).toMatchObject({ state: 'completed', results: { w: within } });
});

test('resultBytesMax: the results of a sub-workflow above it fail the step that waits for them', async () => {
  const { client, handlers } = platform;
  for (const path of ['/one', '/two']) handlers.on(path, { body: 'x'.repeat(1000) });
  const steps = ['one', 'two'].map((id) => step(id));
  await client.api('PUT', '/v1/workflows/wordy', { timeout: 50, steps });
  const run = await client.runToEnd(flow({ id: 'run', workflow: 'wordy' }));
  expect(run.steps[0]!.error).toMatchObject({
    code: 'result_too_large',
    details: { limit: limit('resultBytesMax') },
  });
});

test('deliveryBytesMax: a step whose request would be above it fails', async () => {
  platform.handlers.on('/big', { body: 'x'.repeat(1900) });
  const run = await platform.client.runToEnd({
    ...flow(
      step('a', { url: '/big' }),
      step('b', { url: '/big', dependsOn: 'a' }),
      step('c', { dependsOn: 'b' }),
    ),
  });
  expect(run.steps[2]?.error).toMatchObject({
    code: 'input_too_large',
    details: { limit: limit('deliveryBytesMax') },
  });
});

test('subWorkflowDepthMax: a run that would be deeper fails the step that starts it', async () => {
  const { client } = platform;
  await client.api('PUT', '/v1/workflows/inner', { timeout: 50, steps: [step('leaf')] });
  await client.api('PUT', '/v1/workflows/middle', { timeout: 60, steps: [{ id: 'run', workflow: 'inner' }] });
  const run = await client.runToEnd({ id: 'outer', timeout: 70, steps: [{ id: 'run', workflow: 'middle' }] });
  const { runId } = run.steps[0]!.error!.details as { runId: string };
  const middle = await client.status(runId);
  expect(middle.steps[0]!.error).toMatchObject({
    code: 'too_deep',
    details: { limit: limit('subWorkflowDepthMax') },
  });
});

test('contextBytesMax: a sub-workflow whose context would be above it fails its step', async () => {
  const { client } = platform;
  await client.api('PUT', '/v1/workflows/inner', { timeout: 50, steps: [step('leaf')] });
  const payload = { text: 'x'.repeat(1000) };
  const run = await client.runToEnd(flow({ id: 'run', workflow: 'inner', payload }));
  expect(run.steps[0]!.error).toMatchObject({
    code: 'context_too_large',
    details: { limit: limit('contextBytesMax') },
  });
});

test('runStateBytesMax: signals and steps above it are refused, and the saga goes on', async () => {
  const { client, handlers } = platform;
  const { id } = await client.run({
    ...flow(step('a', { compensation: '/undo' }), { id: 'w', waitFor: 'go', dependsOn: 'a' }),
    saga: true,
  });
  await client.until(id, ({ completedSteps }) => completedSteps.includes('a'));
  const signal = () =>
    client.api<Problem>('POST', `/v1/runs/${id}/signals/other`, { payload: 'x'.repeat(1900) });
  const answers = [];
  for (let sent = 0; sent < 20; sent++) answers.push(await signal());
  expect(answers[0]!.status).toBe(200);
  expect(answers.at(-1)).toMatchObject({
    status: 413,
    body: { code: 'run_state_too_large', limit: limit('runStateBytesMax') },
  });
  const added = await client.api<Problem>('POST', `/v1/runs/${id}/steps`, {
    steps: [step('more', { payload: 'x'.repeat(9000) })],
  });
  expect(added).toMatchObject({ status: 413, body: { limit: limit('runStateBytesMax') } });
  await client.api('POST', `/v1/runs/${id}/cancel`, {});
  expect((await client.ended(id)).compensation).toMatchObject([{ stepId: 'a', state: 'completed' }]);
  expect(handlers.requests('/undo')).toHaveLength(1);
});

test('what a compensation or a hook is answered is kept nowhere, and so is never too large', async () => {
  const { client, handlers } = platform;
  handlers
    .on('/undo', { body: 'x'.repeat(5000) })
    .on('/hook', { body: 'x'.repeat(5000) })
    .on('/bad', { status: 400 });
  const { id } = await client.run({
    ...flow(step('a', { compensation: '/undo' }), step('bad', { dependsOn: 'a' })),
    saga: true,
    onError: '/hook',
  });
  expect(await client.done(id)).toMatchObject({
    compensation: [{ state: 'completed' }],
    hooks: [{ state: 'completed', attempts: 1 }],
  });
});

test('a limit that was raised lets through what is above its default', async () => {
  const raised = await startPlatform({ env: { WAYBILL_RESULT_BYTES_MAX: '3000000' } });
  onTestFinished(() => raised.stop());
  const large = 'x'.repeat(2_500_000);
  raised.handlers.on('/a', { body: { result: large } });
  const run = await raised.client.runToEnd(flow(step('a'), step('b', { dependsOn: 'a' })));
  expect(run).toMatchObject({ state: 'completed', results: { a: large } });
  expect(raised.handlers.requests('/b')[0]!.body).toMatchObject({ previousSteps: { a: { result: large } } });
});
