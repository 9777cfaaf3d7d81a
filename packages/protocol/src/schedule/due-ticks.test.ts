import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CatchUp, dueTicks } from './due-ticks.ts';
import type { Timing } from './timing.ts';

const everySecond: Timing = { everyMs: 1000, fromMs: 0 };
const due = (catchUp: CatchUp, tickMs: number, nowMs: number, ticksMax = 1000) =>
  dueTicks(everySecond, { tickMs, nowMs, catchUp, ticksMax });

test('a tick that is due on time is started, whatever is done about others', () => {
  for (const catchUp of ['latest', 'all', 'none'] as const) {
    expect(due(catchUp, 5000, 5003)).toEqual({ ticks: [5000], nextAtMs: 6000 });
  }
});

test('of ticks that were missed: the latest, all of them, or those of the last minute', () => {
  expect(due('latest', 1000, 100_500)).toEqual({ ticks: [100_000], nextAtMs: 101_000 });
  expect(due('all', 1000, 3500)).toEqual({ ticks: [1000, 2000, 3000], nextAtMs: 4000 });
  const late = due('none', 1000, 100_500);
  expect([late.ticks[0], late.ticks.length, late.nextAtMs]).toEqual([41_000, 60, 101_000]);
});

test('with none, what is a minute late is not too late, and what is later starts nothing', () => {
  const minutely: Timing = { cron: '0 0 * * *', timeZone: 'UTC' };
  const day = 86_400_000;
  const at = (nowMs: number) => dueTicks(minutely, { tickMs: day, nowMs, catchUp: 'none', ticksMax: 9 });
  expect(at(day + 60_000)).toEqual({ ticks: [day], nextAtMs: 2 * day });
  expect(at(day + 60_001)).toEqual({ ticks: [], nextAtMs: 2 * day });
});

test('no more at once than asked for; the rest is due still', () => {
  expect(due('all', 1000, 100_500, 2)).toEqual({ ticks: [1000, 2000], nextAtMs: 3000 });
});

test('a schedule of which nothing is to come ends', () => {
  const once: Timing = { cron: '0 0 0 1 1 * 2027', timeZone: 'UTC' };
  const tickMs = Date.parse('2027-01-01T00:00:00Z');
  const options = { tickMs, nowMs: tickMs + 1, ticksMax: 5 };
  expect(dueTicks(once, { ...options, catchUp: 'all' })).toEqual({ ticks: [tickMs], nextAtMs: null });
  expect(dueTicks(once, { ...options, catchUp: 'latest' })).toEqual({ ticks: [tickMs], nextAtMs: null });
});

test('looked at whenever, all ticks are started once and in order; of the others a part of them, none twice', () => {
  const looks = fc.array(fc.integer({ min: 0, max: 200_000 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(
      fc.constantFrom<CatchUp>('latest', 'all', 'none'),
      looks,
      fc.integer({ min: 1, max: 9 }),
      (catchUp, pauses, ticksMax) => {
        const started: number[] = [];
        let [tickMs, nowMs] = [1000, 0];
        for (const pauseMs of [...pauses, 0]) {
          nowMs += pauseMs;
          while (tickMs <= nowMs) {
            const { ticks, nextAtMs } = due(catchUp, tickMs, nowMs, ticksMax);
            started.push(...ticks);
            tickMs = nextAtMs!;
          }
        }
        expect(started).toEqual([...new Set(started)].sort((a, b) => a - b));
        const all = Array.from({ length: Math.floor(nowMs / 1000) }, (_, n) => (n + 1) * 1000);
        if (catchUp === 'all') expect(started).toEqual(all);
        else expect(all).toEqual(expect.arrayContaining(started));
        if (catchUp !== 'all') expect(started.at(-1)).toBe(all.at(-1));
      },
    ),
    { numRuns: 200 },
  );
});
