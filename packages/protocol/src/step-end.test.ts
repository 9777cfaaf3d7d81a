import { compilePlan, createRunState, defaultRetryPolicy, evolve, type RunEvent } from '@waybill/engine';
import { expect, test } from 'vitest';
import { stepEndOf } from './step-end.ts';

const attempt = (number: number, startedAt: number) =>
  ({ delivery: 'step', step: 'a', attempt: number, startedAt }) as const;
const error = { code: 'http_503', message: 'busy' };
const created: RunEvent = { type: 'run.created', at: 0, started: true };
const failedOnce: RunEvent = { type: 'attempt.failed', at: 2000, ...attempt(1, 1000), error, retryAt: 3000 };

/** What the last of the events says, once all are folded. */
function endOf(slowAfter: number | undefined, ...events: RunEvent[]) {
  const step = { id: 'a', url: 'http://h/', dependsOn: [], parallel: true, timeout: 30, slowAfter };
  const state = createRunState(
    compilePlan({
      ...{ id: 'w', timeout: 60, saga: false, failurePolicy: 'fail' },
      steps: [{ ...step, retries: defaultRetryPolicy }],
    }),
    'run_1',
  );
  for (const event of events) evolve(state, event);
  return stepEndOf(state, events.at(-1)!);
}

test('a step lasts from the start of its first attempt to its end', () => {
  const completed: RunEvent = { type: 'step.completed', at: 4500, ...attempt(2, 4000), result: '1' };
  const end = { stepId: 'a', outcome: 'completed', durationMs: 3500, slowAfterMs: null };
  expect(endOf(undefined, created, failedOnce, completed)).toEqual(end);
});

test.each([
  [3.4, 3400],
  [3.5, null],
])('with slowAfter %d s a step of 3.5 s is slow: %s', (slowAfter, slowAfterMs) => {
  const completed: RunEvent = { type: 'step.completed', at: 4500, ...attempt(2, 4000), result: '1' };
  expect(endOf(slowAfter, created, failedOnce, completed)).toMatchObject({ durationMs: 3500, slowAfterMs });
});

test('a failed step has a duration and is never slow', () => {
  const failed: RunEvent = { type: 'step.failed', at: 9000, ...attempt(2, 4000), error };
  const end = { stepId: 'a', outcome: 'failed', durationMs: 8000, slowAfterMs: null };
  expect(endOf(1, created, failedOnce, failed)).toEqual(end);
});

test.each<[string, RunEvent[], object]>([
  [
    'completed by hand in flight',
    [
      { type: 'attempt.started', at: 1000, delivery: 'step', step: 'a', attempt: 1 },
      { type: 'step.passed', at: 4000, step: 'a', result: '1' },
    ],
    { outcome: 'completed', durationMs: 3000, slowAfterMs: 2000 },
  ],
  [
    'skipped by hand before it started',
    [{ type: 'step.skipped', at: 4000, step: 'a' }],
    { outcome: 'skipped', durationMs: 0, slowAfterMs: null },
  ],
])('a step that was %s', (_, events, expected) => {
  expect(endOf(2, created, ...events)).toMatchObject(expected);
});

test('what ends no step says nothing', () => {
  expect(endOf(undefined, created)).toBeNull();
  expect(endOf(undefined, created, failedOnce)).toBeNull();
});
