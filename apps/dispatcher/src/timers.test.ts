import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FakeClock } from '../test/harness.ts';
import { type Timer, Timers } from './timers.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Engine time and the process's timers move together. */
function pass(clock: FakeClock, ms: number): void {
  clock.ms += ms;
  vi.advanceTimersByTime(ms);
}

test('every timer fires once, in order, never early; a cancelled one never', () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), delay: fc.nat(1000) }),
    fc.record({ kind: fc.constant('cancel' as const), pick: fc.nat(1000) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(300) }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200, size: 'max' }), (actions) => {
      const clock = new FakeClock();
      const timers = new Timers(clock);
      const live = new Set<Timer>();
      const all: Timer[] = [];
      let last = 0;
      for (const step of actions) {
        if (step.kind === 'add') {
          const timer: Timer = timers.at(clock.ms + step.delay, () => {
            expect(live.delete(timer)).toBe(true);
            expect(timer.at).toBeLessThanOrEqual(clock.ms);
            expect(timer.at).toBeGreaterThanOrEqual(last);
            last = timer.at;
          });
          live.add(timer);
          all.push(timer);
        } else if (step.kind === 'cancel') {
          const timer = all[step.pick % Math.max(1, all.length)];
          if (timer) timers.cancel(timer);
          if (timer) live.delete(timer);
        } else {
          pass(clock, step.ms);
          timers.tick();
          expect([...live].every((timer) => timer.at > clock.ms)).toBe(true);
        }
        expect(timers.size).toBe(live.size);
      }
      pass(clock, 2000);
      expect(timers.size).toBe(0);
      expect(live.size).toBe(0);
    }),
  );
});

test('one that is added while another fires is not lost, nor fired early', () => {
  const clock = new FakeClock();
  const timers = new Timers(clock);
  const fired: string[] = [];
  timers.at(clock.ms + 10, () => {
    fired.push('first');
    timers.at(clock.ms, () => fired.push('at once'));
    timers.at(clock.ms + 5, () => fired.push('later'));
  });
  pass(clock, 10);
  expect(fired).toEqual(['first', 'at once']);
  pass(clock, 5);
  expect(fired).toEqual(['first', 'at once', 'later']);
});

test('a sleep is never longer than a minute, and a step of the clock is noticed by its end', () => {
  const clock = new FakeClock();
  const timers = new Timers(clock);
  let fired = 0;
  timers.at(clock.ms + 30 * 86_400_000, () => fired++);
  pass(clock, 86_400_000);
  expect(fired).toBe(0);
  clock.ms += 29 * 86_400_000;
  vi.advanceTimersByTime(60_000);
  expect(fired).toBe(1);
});

test('a timer of the process that is early fires nothing, and comes again', () => {
  const clock = new FakeClock();
  const timers = new Timers(clock);
  let fired = 0;
  timers.at(clock.ms + 100, () => fired++);
  clock.ms += 99;
  vi.advanceTimersByTime(100);
  expect(fired).toBe(0);
  clock.ms += 1;
  vi.advanceTimersByTime(1);
  expect(fired).toBe(1);
});

test('clear leaves nothing that fires', () => {
  const clock = new FakeClock();
  const timers = new Timers(clock);
  const timer = timers.at(clock.ms + 1, () => expect.unreachable());
  timers.clear();
  timers.cancel(timer);
  pass(clock, 100);
  expect(vi.getTimerCount()).toBe(0);
});
