import { describe, expect, test } from 'vitest';
import { checks } from '../../test/checks.ts';
import { parseDefinition } from './parse.ts';
import { writtenDefinition } from './written.ts';

const workflowWith = (step: object, workflow: object = {}) => ({
  id: 'w',
  ...workflow,
  steps: [
    { id: 'a', url: '/a' },
    { id: 'b', url: '/b' },
    { id: 'x', dependsOn: ['a', 'b'], ...step },
  ],
});

/** The text that is stored, and hashed. */
function stored(input: unknown, baseUrl: string | null = checks.baseUrl): string {
  const result = parseDefinition(input, { ...checks, baseUrl });
  return 'definition' in result
    ? JSON.stringify(result.definition)
    : `faults ${JSON.stringify(result.faults)}`;
}

const written = (text: string) => JSON.parse(JSON.stringify(writtenDefinition(JSON.parse(text))));

const steps = [
  { url: '/x' },
  {
    url: '/x',
    parallel: true,
    timeout: 5,
    when: 'true',
    delay: 0,
    slowAfter: 1,
    input: 'none',
    payload: null,
  },
  {
    url: '/x',
    retries: { backoff: 'fixed', initialDelay: 2 },
    headers: { 'X-A': '2' },
    metadata: { k: 'own' },
  },
  { url: '/x', retries: { delays: [1, 2] }, compensation: '/undo' },
  { url: '/x', runAfterFailure: false },
  { url: '/x', runAfterFailure: true },
  { url: '/x', runCondition: 'onSuccess' },
  { url: '/x', runCondition: 'inProgress' },
  { url: '/x', allowPartialDependencies: true },
  { url: '/x', retries: { maxAttempts: 1 } },
  { url: '/x', retries: { factor: 4, maxDelay: 1, giveUpAfter: 9, retryOn: [500] } },
  { url: '/x', join: 'all' },
  { url: '/x', join: 'any' },
  { url: '/x', continueOnFailure: false },
  { url: '/x', failurePolicy: 'continue' },
  { url: '/x', delivery: 'at-most-once' },
  { url: '/x', delivery: 'at-least-once' },
  { url: '/x', forEach: 'context.list', maxConcurrency: 2 },
  { url: '/x', runAt: '2030-01-31T09:00:00Z' },
  { sleep: 1 },
  { sleep: 1, parallel: true },
  { sleep: 1, runAfterFailure: false, continueOnFailure: false },
  { waitFor: 'go' },
  { waitFor: { signal: 'go', default: null }, timeout: 5 },
  { workflow: 'child', payload: { n: 1 } },
];

const once = { delivery: 'at-most-once' };
const oneAttempt = { retries: { maxAttempts: 1 } };
const defaults = [
  {},
  {
    parallel: true,
    timeout: '1m',
    when: 'context.ok',
    delay: '1s',
    slowAfter: 9,
    payload: { from: 'defaults' },
  },
  { retries: { maxAttempts: 5, initialDelay: '3s', factor: 3 } },
  { headers: { 'x-a': '1', 'x-b': '1' }, metadata: { k: 'd', l: 'd' }, compensation: '/undo-all' },
  { runAfterFailure: true },
  { runCondition: 'onFailure' },
  { runCondition: 'inProgress' },
  { retries: { delays: [4, 7200], giveUpAfter: 99 } },
  oneAttempt,
  { retries: { backoff: 'linear', jitter: false } },
  { join: { atLeast: 2 } },
  { allowPartialDependencies: true, input: 'dependencies' },
  { failurePolicy: 'retry' },
  { continueOnFailure: true },
  once,
  { forEach: 'context.all', maxConcurrency: 3, toleratedFailures: '5%' },
  { runAt: '2030-03-31T09:00:00Z' },
];

describe.each(defaults)('a definition with the defaults %j, put as it is shown, is the same', (defaults) => {
  test.each(steps)('with the step %j', (step) => {
    const before = stored(workflowWith(step, { defaults }));
    // No pair is a fault but those that try again what defaults send once.
    const sendsOnce = defaults === once || defaults === oneAttempt;
    if (before.startsWith('faults')) expect([sendsOnce, step]).toMatchObject([true, { retries: {} }]);
    else expect(stored(written(before))).toBe(before);
  });
});

test('what a default cannot reach is shown so that it does not', () => {
  const shown = (step: object, defaults: object) =>
    written(stored(workflowWith({ url: '/x', ...step }, { defaults }))).steps[2];
  expect(shown({ runAfterFailure: false }, { runAfterFailure: true })).toMatchObject({
    runAfterFailure: false,
  });
  expect(shown({ join: 'all' }, { join: 'any' })).toMatchObject({ runAfterFailure: false });
  expect(shown({ continueOnFailure: false }, { failurePolicy: 'retry' })).toMatchObject({
    continueOnFailure: false,
  });
  expect(shown({ delivery: 'at-least-once' }, { delivery: 'at-most-once' })).toMatchObject({
    delivery: 'at-least-once',
  });
});

test('defaults are part of the content, as they were sent, durations in seconds and URLs absolute', () => {
  const defaults = { timeout: '1m', compensation: '/undo', retries: { delays: ['1m'] } };
  const text = stored(workflowWith({ url: '/x' }, { defaults }));
  expect(JSON.parse(text).defaults).toEqual({
    timeout: 60,
    compensation: 'https://handlers.test/undo',
    retries: { delays: [60] },
  });
  expect(stored(written(text), 'https://another.test')).toBe(text);
  const without = stored(workflowWith({ url: '/x' }));
  expect(stored(workflowWith({ url: '/x' }, { defaults: {} }))).toBe(without);
  expect(stored(workflowWith({ url: '/x' }, { defaults: { timeout: 300 } }))).not.toBe(without);
});

test('nothing is shown of a step that it may not say', () => {
  const of = (step: object) => written(stored(workflowWith(step))).steps[2];
  expect(of({ sleep: 1 })).toEqual({ id: 'x', sleep: 1, dependsOn: ['a', 'b'] });
  expect(of({ url: '/x', delivery: 'at-most-once' })).not.toHaveProperty('retries');
  expect(of({ url: '/x', join: 'any' })).toMatchObject({ join: { atLeast: 1 } });
});
