import { createRunState, evolve, type Plan, type RunEvent, type RunState } from '@waybill/engine';
import { noLinks, requestBody } from '@waybill/protocol';
import { createSigner } from '@waybill/signing';
import { verifyWebhook } from '@waybill/signing/verify';
import { describe, expect, test } from 'vitest';
import { failure, infoOf, planOf, secret, step } from '../test/harness.ts';
import { prepareRequest, urlOf } from './prepare.ts';

const at = 1_700_000_000_000;

/** The state after the run's start and these events. */
function stateOf(plan: Plan, events: readonly RunEvent[] = []): RunState {
  const state = createRunState(plan, 'run_x');
  for (const event of [{ type: 'run.created', at, started: true } as const, ...events]) evolve(state, event);
  return state;
}

function completed(id: string, result: string, attempt = 1): RunEvent {
  return {
    type: 'step.completed',
    at: at + 5,
    delivery: 'step',
    step: id,
    attempt,
    startedAt: at + 1,
    status: 200,
    result,
  };
}

const failed = (id: string): RunEvent => {
  const { error } = failure(false);
  return { type: 'step.failed', at: at + 5, delivery: 'step', step: id, attempt: 1, startedAt: at, error };
};

function bodyOf(state: RunState, id: string, context = '{}'): string {
  const { delivery } = state.steps[state.plan.indexById.get(id)!]!;
  return requestBody(state, infoOf(undefined, context), delivery!, { nowMs: at, ...noLinks });
}

/** `previousSteps.a` of a step that depends on `a`. */
function previousOf(result: string): { text: string; value: { result: unknown; [key: string]: unknown } } {
  const plan = planOf([step('a'), step('b', { dependsOn: ['a'] })]);
  const text = bodyOf(stateOf(plan, [completed('a', result)]), 'b');
  return { text, value: JSON.parse(text).previousSteps.a };
}

describe('previousSteps', () => {
  test.each([
    ['{"n":1}', { success: true, n: 1 }],
    ['{}', { success: true }],
    ['{ \n }', { success: true }],
    ['{ \n "n" : 1 }', { success: true, n: 1 }],
    ['{"success":false,"n":1}', { success: false, n: 1 }],
    ['{"n":1,"success":"mine"}', { success: 'mine', n: 1 }],
    ['{"\\u0073uccess":0}', { success: 0 }],
    ['{"n":{"success":false}}', { success: true, n: { success: false } }],
    ['{"n":"\\"success\\":1"}', { success: true, n: '"success":1' }],
    ['[1,{"a":2}]', [1, { a: 2 }]],
    ['"{text"', '{text'],
    ['12.50', 12.5],
    ['true', true],
    ['null', null],
  ])('a result %s is shown as %j', (result, shown) => {
    expect(previousOf(result).value.result).toEqual(shown);
  });

  test('an entry says how the step ended', () => {
    expect(previousOf('{"n":1}').value).toEqual({
      ...{ state: 'completed', success: true, result: { success: true, n: 1 }, error: null, attempts: 1 },
      ...{ startedAt: '2023-11-14T22:13:20.001Z', completedAt: '2023-11-14T22:13:20.005Z' },
    });
  });

  test('a failed and a skipped dependency have entries too', () => {
    const always = step('c', { dependsOn: ['b'], runCondition: 'always' });
    const plan = planOf([step('a'), step('b', { dependsOn: ['a'] }), always]);
    const state = stateOf(plan, [failed('a'), { type: 'run.drained', at }]);
    const { previousSteps } = JSON.parse(bodyOf(state, 'c'));
    const error = { code: 'http_500', message: 'no' };
    expect(previousSteps.a).toMatchObject({
      state: 'failed',
      success: false,
      result: { success: false, error },
      error,
    });
    expect(previousSteps.b).toMatchObject({
      state: 'skipped',
      success: false,
      result: null,
      error: null,
      attempts: 0,
    });
    expect(previousSteps.b).toMatchObject({ startedAt: null });
  });

  test('has every ancestor, nothing else', () => {
    const plan = planOf([
      ...[step('a'), step('other'), step('b', { dependsOn: ['a'] })],
      step('c', { dependsOn: ['b'] }),
    ]);
    const state = stateOf(plan, [completed('a', '1'), completed('other', '2'), completed('b', '3')]);
    expect(Object.keys(JSON.parse(bodyOf(state, 'c')).previousSteps)).toEqual(['a', 'b']);
    expect(JSON.parse(bodyOf(state, 'a')).previousSteps).toEqual({});
  });

  test('digits, key order, duplicate keys and escapes travel as they came', () => {
    const result = '{"z":12345678901234567890,"a":1e400,"a":[ 1.10 ],"s":"\\u0000\\ud800"}';
    expect(previousOf(result).text).toContain(`"result":{"success":true,${result.slice(1)},`);
  });
});

describe('the body of a step', () => {
  test('has context and payload as they came, the run, and the attempt', () => {
    const plan = planOf([step('a', { payload: { x: [1, 'é'] }, timeout: 1.5 })]);
    const context = '{"id":12345678901234567890, "id":1}';
    const state = stateOf(plan, [{ type: 'attempt.started', at, delivery: 'step', step: 'a', attempt: 2 }]);
    const body = bodyOf(state, 'a', context);
    expect(body.startsWith(`{"context":${context},`)).toBe(true);
    expect(JSON.parse(body)).toMatchObject({
      previousSteps: {},
      payload: { x: [1, 'é'] },
      run: { workflowId: 'flow', version: 1, startedAt: '2023-11-14T22:13:20.000Z' },
      step: { id: 'a', attempt: 2, maxAttempts: 3, timeout: 1.5, deadline: '2023-11-14T22:13:21.500Z' },
    });
  });

  test.each([null, false, 0, ''])('a payload %j is sent; none is left out', (payload) => {
    const state = stateOf(planOf([step('a', { payload }), step('b')]));
    expect(JSON.parse(bodyOf(state, 'a')).payload).toBe(payload);
    expect(JSON.parse(bodyOf(state, 'b'))).not.toHaveProperty('payload');
  });
});

test('a compensation carries the raw result and the error of the run; a hook what became of it', () => {
  const plan = planOf([step('a', { compensation: 'https://a.test/undo' }), step('b')], {
    saga: true,
    onError: 'https://a.test/error',
  });
  const result = '{"n":12345678901234567890}';
  const state = stateOf(plan, [
    completed('a', result),
    failed('b'),
    { type: 'run.compensating', at: at + 6 },
  ]);
  const undo = state.steps[0]!.compensation!;
  const compensation = requestBody(state, infoOf(), undo, { nowMs: at, ...noLinks });
  expect(compensation).toContain(`"result":${result},`);
  expect(JSON.parse(compensation)).toMatchObject({
    type: 'compensation',
    error: { code: 'step_failed', stepId: 'b' },
  });
  evolve(state, {
    type: 'compensation.completed',
    at: at + 7,
    delivery: 'compensation',
    step: 'a',
    attempt: 1,
    startedAt: at + 6,
  });
  evolve(state, { type: 'run.failed', at: at + 8 });
  const hook = requestBody(state, infoOf(), state.hooks[0]!, { nowMs: at, ...noLinks });
  expect(hook).toContain(`"results":{"a":${result}}`);
  expect(JSON.parse(hook)).toMatchObject({
    ...{
      type: 'workflow.failed',
      hook: 'onError',
      state: 'failed',
      completedSteps: ['a'],
      failedSteps: ['b'],
    },
    compensation: [{ stepId: 'a', state: 'completed', attempts: 1 }],
  });
});

describe('a prepared request', () => {
  test('is signed so that Standard Webhooks verifies it, with one id over all attempts', async () => {
    const state = stateOf(planOf([step('a', { headers: { 'x-mine': '1' }, payload: 'é𝄞' })]));
    const delivery = state.steps[0]!.delivery!;
    const requests = [1, 2].map((attempt) => {
      evolve(state, { type: 'attempt.started', at, delivery: 'step', step: 'a', attempt });
      return prepareRequest(state, info, delivery, createSigner([secret]), {
        nowMs: at + attempt * 60_999,
        ...noLinks,
      });
    });
    for (const { headers, body, userHeaders, timeoutMs } of requests) {
      const nowMs = at + 61_000;
      expect(await verifyWebhook({ headers, body, secrets: [secret], nowMs })).toBe(true);
      expect(await verifyWebhook({ headers, body: `${body} `, secrets: [secret], nowMs })).toBe(false);
      expect([userHeaders, timeoutMs]).toEqual([{ 'x-mine': '1' }, 300_000]);
      expect(headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    }
    const [one, two] = requests.map(({ headers }) => headers);
    expect(two!['webhook-id']).toBe(one!['webhook-id']);
    expect([one!['waybill-attempt'], two!['waybill-attempt']]).toEqual(['1', '2']);
    expect([one!['webhook-timestamp'], two!['webhook-timestamp']]).toEqual(['1700000060', '1700000121']);
    expect(two!.traceparent).not.toBe(one!.traceparent);
    expect(two!.traceparent!.slice(0, 36)).toBe(one!.traceparent!.slice(0, 36));
  });

  test('has an id of its own for each delivery of a run', () => {
    const plan = planOf([step('a', { compensation: 'https://a.test/undo' }), step('b')], {
      saga: true,
      onError: 'https://a.test/error',
    });
    const state = stateOf(plan, [completed('a', '1'), failed('b'), { type: 'run.compensating', at }]);
    const undo = state.steps[0]!.compensation!;
    evolve(state, {
      type: 'compensation.completed',
      at,
      delivery: 'compensation',
      step: 'a',
      attempt: 1,
      startedAt: at,
    });
    evolve(state, { type: 'run.failed', at });
    const deliveries = [state.steps[0]!.delivery!, state.steps[1]!.delivery!, undo, state.hooks[0]!];
    const requests = deliveries.map((delivery) =>
      prepareRequest(state, info, delivery, createSigner([secret]), { nowMs: at, ...noLinks }),
    );
    expect(new Set(requests.map(({ headers }) => headers['webhook-id'])).size).toBe(4);
    expect(requests.map(({ url }) => url)).toEqual([
      ...['https://a.test/a', 'https://a.test/b', 'https://a.test/undo', 'https://a.test/error'],
    ]);
    expect(requests.map(({ headers }) => headers['waybill-step'])).toEqual(['a', 'b', 'a', undefined]);
  });
});

const info = infoOf();

test('the URL of a hook is its own, also once its run has been retried and has none', () => {
  const state = stateOf(planOf([step('a')], { onError: 'https://a.test/error' }), [
    failed('a'),
    { type: 'run.failed', at: at + 8 },
  ]);
  const hook = state.hooks[0]!;
  evolve(state, { type: 'run.reopened', at: at + 9 });
  expect(urlOf(state, hook)).toBe(hook.url);
});
