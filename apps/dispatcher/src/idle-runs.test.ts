import { decide, evolve, type RunEvent } from '@waybill/engine';
import { expect, test } from 'vitest';
import * as h from '../test/harness.ts';
import { chooseParked, leastDeadline } from './idle-runs.ts';
import type { OwnedRun } from './owned-runs.ts';

const start = 1_700_000_000_000;
const day = 86_400_000;
const attempt = { delivery: 'step', step: 'a', attempt: 1 } as const;
const error = { code: 'http_500', message: 'no' };
const backOff = (retryAt: number) =>
  [{ type: 'attempt.failed', at: start, ...attempt, startedAt: start, error, retryAt }] as const;
const pending = (until: number) =>
  [{ type: 'attempt.pending', at: start, ...attempt, startedAt: start, until }] as const;
const opened = [{ type: 'attempt.started', at: start, ...attempt }] as const;

/** A run of one step, or two, after these events. */
function runAfter(
  events: readonly RunEvent[],
  { steps = [h.step('a')], timeout = 7 * 86_400, onComplete = undefined as string | undefined } = {},
): OwnedRun {
  const plan = h.planOf(steps, { timeout, ...(onComplete ? { onComplete } : {}) });
  const driver = h.newDriver(new h.FakeContext(), plan);
  for (const event of [{ type: 'run.created', at: start, started: true } as const, ...events]) {
    evolve(driver.state, event);
  }
  return { driver, claims: 0, bytes: 1, queuedBytes: 1, unsettled: 0, activeAtMs: 0 };
}

const deadlineOf = (run: OwnedRun) => leastDeadline(run.driver.state, start);

test('the least deadline is that of the back-off, the wait, the delay or the whole run, whichever is first', () => {
  const hour = 3_600_000;
  const delayed = [h.step('a', { delay: 60 })];
  expect(deadlineOf(runAfter([]))).toBe(start);
  expect(deadlineOf(runAfter(backOff(start + hour)))).toBe(start + hour);
  expect(deadlineOf(runAfter(pending(start + hour)))).toBe(start + hour);
  expect(deadlineOf(runAfter([], { steps: delayed }))).toBe(start + 60_000);
  expect(deadlineOf(runAfter(backOff(start + hour), { timeout: 60 }))).toBe(start + 60_000);
  const two = { steps: [h.step('a'), h.step('b', { delay: 60 })] };
  expect(deadlineOf(runAfter(backOff(start + hour), two))).toBe(start + 60_000);
});

test('a run that is to start later waits in the database until then', () => {
  const run = runAfter([]);
  const fresh = h.newDriver(new h.FakeContext(), run.driver.state.plan);
  evolve(fresh.state, { type: 'run.created', at: start, startAt: start + day / 2 });
  const view = { nowMs: start, monotonicMs: 10 * day, isShort: false };
  const pendingRun = { ...run, driver: fresh };
  expect(chooseParked([pendingRun], view)).toEqual([{ run: pendingRun, untilMs: start + day / 2 - 1000 }]);
  expect(decide(fresh.state, { type: 'start' }, start)).toMatchObject({ rejection: { code: 'not_yet' } });
  expect(decide(fresh.state, { type: 'start' }, start + day / 2)).toMatchObject({
    events: [{ type: 'run.started' }],
  });
});

test('a suspect that only waits is parked at once, unless its time comes soon', () => {
  const view = { nowMs: start, monotonicMs: 0, isShort: false };
  const suspect = (events: readonly RunEvent[]) => ({ ...runAfter(events), claims: 2 });
  const waiting = suspect(pending(start + 10_000));
  expect(chooseParked([waiting], view)).toEqual([{ run: waiting, untilMs: start + 9000 }]);
  expect(chooseParked([suspect(pending(start + 5000)), suspect([...opened])], view)).toEqual([]);
  expect(chooseParked([{ ...waiting, claims: 1 }], view)).toEqual([]);
});

test('a paused run sends nothing, but its time runs on', () => {
  expect(deadlineOf(runAfter([{ type: 'run.paused', at: start }]))).toBe(start + 7 * day);
});

test('a timeout that can end nothing any more is no deadline', () => {
  const saga = [h.step('a', { compensation: 'https://a.test/undo' }), h.step('b', { dependsOn: ['a'] })];
  const events: RunEvent[] = [
    { type: 'step.completed', at: start, ...attempt, startedAt: start, result: '1' },
    { type: 'step.failed', at: start, ...attempt, step: 'b', startedAt: start, error },
    { type: 'run.compensating', at: start },
    { ...backOff(start + day)[0], delivery: 'compensation' },
  ];
  const run = runAfter(events, { steps: saga, timeout: 60 });
  expect(leastDeadline(run.driver.state, start + 3_600_000)).toBe(start + day);
});

test('a run that was retried by hand has its whole time again', () => {
  const events: RunEvent[] = [
    { type: 'step.failed', at: start, ...attempt, startedAt: start, error },
    { type: 'run.failed', at: start },
    { type: 'run.reopened', at: start + 60_000 },
    { ...backOff(start + day)[0], attempt: 2 },
  ];
  expect(deadlineOf(runAfter(events, { timeout: 60 }))).toBe(start + 120_000);
});

test('an undelivered hook is awaited for as long as its back-off takes', () => {
  const completed: RunEvent[] = [
    { type: 'step.completed', at: start, ...attempt, startedAt: start, result: '1' },
    { type: 'run.completed', at: start },
    { ...backOff(start + day / 2)[0], delivery: 'hook', step: undefined },
  ];
  const run = runAfter(completed, { onComplete: 'https://a.test/done' });
  expect(deadlineOf(run)).toBe(start + day / 2);
});

const view = { nowMs: start, monotonicMs: 600_000 };

test('what has something in flight, due, or unrecorded is not parked', () => {
  const unsettled = { ...runAfter(backOff(start + day)), unsettled: 1 };
  // It has told of itself, and its answer comes over its own connection all the same.
  const beating = runAfter([
    ...opened,
    { type: 'attempt.extended', at: start, ...attempt, until: start + day },
  ]);
  for (const run of [runAfter(opened), beating, runAfter([]), runAfter(backOff(start + 4000)), unsettled]) {
    expect(chooseParked([run], { ...view, isShort: true })).toEqual([]);
  }
});

test('a wait for a callback is parked until a second before it ends, at most for a day', () => {
  const [short, long] = [runAfter(pending(start + 3_600_000)), runAfter(pending(start + 3 * day))];
  expect(chooseParked([short, long], { ...view, isShort: false })).toEqual([
    { run: short, untilMs: start + 3_599_000 },
    { run: long, untilMs: start + day },
  ]);
});

test('as long as there is room, only what has been idle for a minute and will be', () => {
  const fresh = { ...runAfter(backOff(start + day)), activeAtMs: view.monotonicMs - 59_000 };
  const soon = runAfter(backOff(start + 59_000));
  expect(chooseParked([fresh, soon], { ...view, isShort: false })).toEqual([]);
  const chosen = chooseParked([fresh, soon], { ...view, isShort: true });
  expect(chosen.map(({ run }) => run)).toEqual([soon, fresh]);
});
