import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newestTick, nextTick, nextTicks, type Timing } from './timing.ts';

const iso = (times: readonly number[]) =>
  times.map((ms) => new Date(ms).toISOString().replace(':00.000Z', 'Z'));
const inBerlin = (cron: string): Timing => ({ cron, timeZone: 'Europe/Berlin' });
const ticksOf = (timing: Timing, from: string, count: number) =>
  iso(nextTicks(timing, Date.parse(from), count));

describe('in the night when clocks go forward, from 2:00 to 3:00', () => {
  const before = '2026-03-28T12:00:00Z';

  test('a time that does not exist comes when the hour that is left out is over', () => {
    expect(ticksOf(inBerlin('30 2 * * *'), before, 2)).toEqual(['2026-03-29T01:00Z', '2026-03-30T00:30Z']);
  });

  test('an interval goes on as it was', () => {
    const ticks = ticksOf(inBerlin('*/30 * * * *'), '2026-03-29T00:00:00Z', 4);
    expect(ticks).toEqual([
      '2026-03-29T00:30Z',
      '2026-03-29T01:00Z',
      '2026-03-29T01:30Z',
      '2026-03-29T02:00Z',
    ]);
  });
});

describe('in the night when clocks go back, from 3:00 to 2:00', () => {
  test('a time that comes twice is one tick, the first', () => {
    const ticks = ticksOf(inBerlin('30 2 * * *'), '2026-10-24T12:00:00Z', 2);
    expect(ticks).toEqual(['2026-10-25T00:30Z', '2026-10-26T01:30Z']);
  });

  test('an interval goes on as it was, through both hours', () => {
    const ticks = ticksOf(inBerlin('0 * * * *'), '2026-10-24T23:30:00Z', 4);
    expect(ticks).toEqual([
      '2026-10-25T00:00Z',
      '2026-10-25T01:00Z',
      '2026-10-25T02:00Z',
      '2026-10-25T03:00Z',
    ]);
  });
});

test('every is counted from its beginning, whenever it is asked', () => {
  const timing = { everyMs: 1500, fromMs: 1_000_000 };
  const next = (afterMs: number) => nextTick(timing, afterMs);
  expect([0, 1_000_000, 1_001_499].map(next)).toEqual([1_001_500, 1_001_500, 1_001_500]);
  expect([1_001_500, 1_002_999, 1_003_000].map(next)).toEqual([1_003_000, 1_003_000, 1_004_500]);
});

test('a pattern that has no more ticks says so', () => {
  const timing = { cron: '0 0 0 1 1 * 2027', timeZone: 'UTC' };
  expect(nextTicks(timing, Date.parse('2026-05-01T00:00:00Z'), 5)).toEqual([
    Date.parse('2027-01-01T00:00:00Z'),
  ]);
  expect(nextTick(timing, Date.parse('2027-01-01T00:00:00Z'))).toBeNull();
});

test('nothing comes after the year 9999, wherever the year ends later', () => {
  const timing = { cron: '59 59 23 31 12 * 9998-9999', timeZone: 'America/St_Johns' };
  expect(iso(nextTicks(timing, Date.parse('9990-01-01T00:00:00Z'), 3))).toEqual(['9999-01-01T03:29:59.000Z']);
});

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'America/St_Johns',
  'Asia/Kathmandu',
];
const crons = [
  ...[
    '* * * * * *',
    '*/7 * * * * *',
    '0 * * * *',
    '*/15 * * * *',
    '30 2 * * *',
    '0,30 1-3 * * *',
    '15 1,2 * * *',
  ],
  ...['0 0 * * MON-FRI', '0 12 L * *', '0 3 * * SUN#2', '0 0 29 2 *', '59 23 31 12 *'],
];
const timings: fc.Arbitrary<Timing> = fc.oneof(
  fc.record({ cron: fc.constantFrom(...crons), timeZone: fc.constantFrom(...zones) }),
  fc.record({
    everyMs: fc.integer({ min: 1000, max: 1e10 }),
    fromMs: fc.constant(Date.parse('2025-01-01T00:00:00Z')),
  }),
);
const farAway = Date.parse('2100-01-01T00:00:00Z');

/** Around changes of the clocks, and anywhere else. */
const times = fc.oneof(
  fc.integer({ min: Date.parse('2025-01-01T00:00:00Z'), max: Date.parse('2030-01-01T00:00:00Z') }),
  fc
    .tuple(
      fc.constantFrom(
        '2026-03-29T01:00:00Z',
        '2026-10-25T01:00:00Z',
        '2026-03-08T07:00:00Z',
        '2026-11-01T06:00:00Z',
        '2026-04-04T15:00:00Z',
        '2026-10-03T15:30:00Z',
      ),
      fc.integer({ min: -3 * 3_600_000, max: 3 * 3_600_000 }),
    )
    .map(([at, byMs]) => Date.parse(at) + byMs),
);

test('the next tick is later, and the same from everywhere between here and there', () => {
  fc.assert(
    fc.property(timings, times, fc.double({ min: 0, max: 1, noNaN: true }), (timing, atMs, share) => {
      const next = nextTick(timing, atMs)!;
      expect(next).toBeGreaterThan(atMs);
      const between = atMs + Math.floor((next - 1 - atMs) * share);
      expect(nextTick(timing, between)).toBe(next);
    }),
    { numRuns: 500 },
  );
});

test('the newest tick is what going from tick to tick comes to', () => {
  fc.assert(
    fc.property(
      timings,
      times,
      fc.integer({ min: 0, max: 300 }),
      fc.nat(999),
      (timing, atMs, count, restMs) => {
        const first = nextTick(timing, atMs)!;
        // The library looks no further than the year 3000.
        const ticks = [first, ...nextTicks(timing, first, count).filter((ms) => ms < farAway)];
        const newest = ticks.at(-1)!;
        const untilMs = Math.min(newest + restMs, nextTick(timing, newest)! - 1);
        expect(newestTick(timing, first, untilMs)).toBe(newest);
      },
    ),
    { numRuns: 300 },
  );
});

test('a month of seconds is no more work than a minute of them', () => {
  const timing = { cron: '* * * * * *', timeZone: 'UTC' };
  const from = Date.parse('2026-01-01T00:00:00Z');
  const until = Date.parse('2026-02-01T00:00:00.500Z');
  expect(newestTick(timing, from, until)).toBe(until - 500);
});
