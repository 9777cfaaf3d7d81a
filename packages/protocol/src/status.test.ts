import { compilePlan, createRunState, defaultRetryPolicy, evolve, type RunEvent } from '@waybill/engine';
import { expect, test } from 'vitest';
import { statusText } from './status.ts';

const exact = '{"z":12345678901234567890, "a":1e400,\n"a":"\\u0000\\ud800", "__proto__":[-0.0]}';

const info = {
  id: 'run_01h455vb4pex5vsknk084sn02q',
  workflowId: 'w',
  version: 2,
  context: exact,
  tags: ['"quoted"'],
  metadata: '{"__proto__":"x"}',
};

function runOf(steps: { id: string; dependsOn?: string[] }[], events: RunEvent[]) {
  const settings = { url: 'http://h/', parallel: true, retries: defaultRetryPolicy, timeout: 30 };
  const plan = compilePlan({
    id: 'w',
    steps: steps.map((step) => ({ ...settings, dependsOn: [], compensation: 'http://h/undo', ...step })),
    onError: 'http://h/error',
    timeout: 60,
    saga: true,
    failurePolicy: 'fail',
  });
  const state = createRunState(plan, info.id);
  for (const event of events) evolve(state, event);
  return state;
}

const created: RunEvent = { type: 'run.created', at: 0, started: true };
const attempt = (step: string) => ({ delivery: 'step', step, attempt: 1, startedAt: 1000 }) as const;

test('contexts, results and metadata travel as the texts they came as', () => {
  const state = runOf(
    [{ id: 'a' }, { id: 'toString' }],
    [created, { type: 'step.completed', at: 2000, ...attempt('a'), result: exact }],
  );
  const text = statusText(state, info);
  expect(text.split(exact)).toHaveLength(4); // context, results, steps[0].result
  expect(text).toContain('"metadata":{"__proto__":"x"}');
  expect(statusText(state, { ...info, metadata: null })).toContain('"metadata":{}');
  expect(JSON.parse(text)).toMatchObject({
    id: info.id,
    workflowId: 'w',
    version: 2,
    state: 'running',
    createdAt: '1970-01-01T00:00:00.000Z',
    completedSteps: ['a'],
    tags: ['"quoted"'],
  });
});

test('a failed saga lists its compensations in their order, its hook, and what cut each step off', () => {
  const error = { code: 'http_500', message: 'no' };
  const state = runOf(
    [{ id: 'a' }, { id: 'b' }, { id: 'c' }, { id: 'd', dependsOn: ['c'] }],
    [
      created,
      { type: 'step.completed', at: 2000, ...attempt('a'), result: '1' },
      { type: 'step.completed', at: 3000, ...attempt('b'), result: '2' },
      { type: 'step.failed', at: 4000, ...attempt('c'), error },
      { type: 'run.compensating', at: 4000 },
      {
        type: 'compensation.failed',
        at: 5000,
        delivery: 'compensation',
        step: 'b',
        attempt: 1,
        startedAt: 4000,
        error,
      },
    ],
  );
  const status = JSON.parse(statusText(state, info)) as Record<string, unknown>;
  expect(status).toMatchObject({
    state: 'running',
    phase: 'compensating',
    currentStep: null,
    failedSteps: ['c'],
    skippedSteps: ['d'],
    compensation: [
      { stepId: 'b', state: 'failed', attempts: 1, error },
      { stepId: 'a', state: 'pending', attempts: 0, error: null },
    ],
    hooks: [],
    steps: [
      {},
      {},
      { error, attempts: 1 },
      { state: 'skipped', reason: 'upstream_failed', dependsOn: ['c'] },
    ],
  });
  for (const type of ['compensation.completed', 'run.failed'] as const) {
    const named = { delivery: 'compensation', step: 'a', attempt: 1, startedAt: 5000 } as const;
    evolve(state, type === 'run.failed' ? { type, at: 6000 } : { type, at: 6000, ...named });
  }
  expect(JSON.parse(statusText(state, info))).toMatchObject({
    state: 'failed',
    phase: 'hooks',
    completedAt: '1970-01-01T00:00:06.000Z',
    hooks: [{ kind: 'onError', url: 'http://h/error', state: 'pending', attempts: 0, error: null }],
  });
});

test('a step shows whether its exchange is open or it waits for the next', () => {
  const steps = [{ id: 'a' }, { id: 'b' }];
  const started = (step: string): RunEvent => ({
    type: 'attempt.started',
    at: 1000,
    delivery: 'step',
    step,
    attempt: 1,
  });
  const error = { code: 'http_503', message: 'busy', status: 503 };
  const state = runOf(steps, [
    created,
    started('b'),
    started('a'),
    { type: 'attempt.failed', at: 2000, ...attempt('b'), error, retryAt: 9000 },
  ]);
  expect(JSON.parse(statusText(state, info))).toMatchObject({
    currentStep: 'a',
    currentSteps: ['a', 'b'],
    steps: [
      { state: 'running', phase: 'open', startedAt: '1970-01-01T00:00:01.000Z', error: null },
      { state: 'running', phase: 'backoff', attempts: 1, error },
    ],
  });
});
