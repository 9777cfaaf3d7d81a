import { expect, test } from 'vitest';
import { defaultLimits } from '../limits.ts';
import { findTimingFaults } from './timing-faults.ts';

const faults = (sent: unknown) =>
  findTimingFaults(sent, { nowMs: Date.parse('2026-01-01T00:00:00Z'), limits: defaultLimits }).map(
    ({ path, message }) => `${path}: ${message}`,
  );

test('patterns of five to seven fields and by name, and lengths of time, are fine', () => {
  for (const cron of [
    '0 3 * * *',
    '*/5 * * * * *',
    '0 0 12 1 1 * 2030',
    '@daily',
    '0 9 ? * MON#2',
    '0 0 L * *',
  ]) {
    expect([cron, faults({ cron, timeZone: 'America/New_York' })]).toEqual([cron, []]);
  }
  expect(faults({ every: '90s' })).toEqual([]);
});

test('what is no pattern is told in the words of the library; what never fires is no schedule', () => {
  expect(faults({ cron: '99 * * * *' })).toEqual(['cron: Invalid value for minute: 99']);
  expect(faults({ cron: 'daily' })).toEqual([expect.stringContaining('cron: invalid configuration format')]);
  expect(faults({ cron: '0 0 30 2 *' })).toEqual(['cron: never fires']);
  expect(faults({ cron: '0 0 0 1 1 * 2020' })).toEqual(['cron: never fires']);
  expect(faults({ cron: '2030-01-01T00:00:00' })).toEqual(['cron: must be a cron pattern, which has no ":"']);
});

test('cron or every, and a zone that there is, for cron alone', () => {
  const either = 'every: a schedule has either cron or every, not both and not neither';
  expect(faults({})).toEqual([either]);
  expect(faults({ cron: '* * * * *', every: '1m' })).toEqual([either]);
  expect(faults({ every: 60, timeZone: 'UTC' })).toEqual(['timeZone: is for cron alone']);
  expect(faults({ cron: '60 * * * *', timeZone: 'Mars/Olympus' })).toEqual([
    'timeZone: "Mars/Olympus" is no IANA time zone',
    'cron: Invalid value for minute: 60',
  ]);
});

test('what is no schedule at all has faults of shape alone', () => {
  for (const sent of [null, 1, 'x', []]) expect(faults(sent)).toEqual([]);
  expect(faults({ every: 'soon' })).toEqual([]);
});

test('no longer than anything else may take', () => {
  expect(faults({ every: '366d' })).toEqual(['every: is 31622400 s, above delaySecondsMax 31536000']);
});
