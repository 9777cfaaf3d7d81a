import { processRuntime } from '@waybill/store';
import { expect, test } from 'vitest';
import { createClock } from './clock.ts';

/** On a machine whose clock is five minutes ahead of the database's. */
function setUp() {
  let monotonicMs = 1000;
  const databaseMs = () => 50_000 + monotonicMs;
  const runtime = { ...processRuntime, monotonic: () => monotonicMs };
  const clock = createClock({ runtime, epochMs: () => databaseMs() + 300_000 });
  const read = (thereMs: number, backMs: number) => {
    const askedAt = monotonicMs;
    monotonicMs += thereMs;
    const reading = databaseMs();
    monotonicMs += backMs;
    clock.adjust(reading, askedAt);
  };
  return { clock, read, offMs: () => clock.now() - databaseMs(), pass: (ms: number) => (monotonicMs += ms) };
}

test('engine time is the database clock, off by at most half the way there and back', () => {
  const { read, offMs, pass } = setUp();
  read(10, 30);
  expect(offMs()).toBe(-10);
  pass(3_600_000);
  expect(offMs()).toBe(-10);
});

test('a reading that took long, this process having been stopped, changes nothing', () => {
  const { read, offMs } = setUp();
  read(10, 10);
  read(10, 60_000);
  expect(offMs()).toBe(0);
});

test('it does not go backwards when a later reading is smaller', () => {
  const { clock, read, pass } = setUp();
  read(0, 600);
  const before = clock.now();
  read(600, 0);
  expect(clock.now()).toBeGreaterThanOrEqual(before);
  pass(1000);
  expect(clock.now()).toBeGreaterThan(before);
});
