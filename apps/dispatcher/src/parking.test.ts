import { evolve } from '@waybill/engine';
import { StoreError } from '@waybill/store';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import * as h from '../test/harness.ts';
import { OwnedRuns } from './owned-runs.ts';
import { Parking } from './parking.ts';

/** So many runs that wait for an hour, the first of them idle for longest, and a place to park them. */
function park({
  count,
  runsMax,
  bytesMax = 1_000_000,
}: {
  count: number;
  runsMax: number;
  bytesMax?: number;
}) {
  const context = new h.FakeContext();
  const runs = new OwnedRuns({ onSuspectGone: () => {}, onRemoved: () => {} });
  const claimedAgain: string[] = [];
  const uuids = Array.from({ length: count }, (_, index) => {
    const driver = h.newDriver(context, h.planOf([h.step('a', { delay: 3600 })]));
    evolve(driver.state, { type: 'run.created', at: context.clock.now(), started: true });
    runs.add(driver, { claims: 0, bytes: 100, queuedBytes: 100 }, context.clock.monotonic() + index);
    return driver.runUuid;
  });
  const parking = new Parking({
    ...{ runs, journal: context.journal, clock: context.clock, runsMax, bytesMax },
    log: pino({ level: 'silent' }),
    onClaimedAgain: (uuid) => void claimedAgain.push(uuid),
  });
  const parked = () => context.appends.map(({ entry }) => entry.run.uuid);
  return { context, runs, parking, uuids, claimedAgain, parked };
}

test('nothing is parked as long as there is room', () => {
  const { parking, parked } = park({ count: 9, runsMax: 10 });
  parking.relieve();
  expect(parked()).toEqual([]);
});

test.each([
  ['places', { runsMax: 10 }],
  ['bytes', { runsMax: 1000, bytesMax: 1000 }],
])('when %s are short, the longest idle ones go until a quarter is free', (_, bounds) => {
  const { parking, parked, uuids, runs, context } = park({ count: 10, ...bounds });
  parking.relieve();
  expect(parked()).toEqual(uuids.slice(0, 3));
  expect(runs.size).toBe(7);
  const [{ entry }] = context.appends as [h.HeldAppend];
  expect(entry).toMatchObject({ events: [], queue: { bytes: 100 } });
  expect(context.timers.size).toBe(0);
});

test('looks are half a second apart', () => {
  const { parking, parked, context, runs } = park({ count: 10, runsMax: 10 });
  parking.relieve();
  for (const run of [...runs]) runs.grow(run, 200_000);
  parking.relieve();
  expect(parked()).toHaveLength(3);
  context.clock.ms += 500;
  parking.relieve();
  expect(parked()).toHaveLength(7);
});

test('a run that is claimed again while it leaves is loaded when it has left, and only then', async () => {
  const { parking, parked, uuids, context, claimedAgain } = park({ count: 10, runsMax: 10 });
  parking.relieve();
  expect(parked()).toHaveLength(3);
  expect(uuids.map((uuid) => parking.holds(uuid)).slice(0, 5)).toEqual([true, true, true, false, false]);
  expect(claimedAgain).toEqual([]);
  await context.appends[0]!.commit();
  await context.appends[0]!.refuse(new StoreError('run_refused', 'no'));
  expect(claimedAgain).toEqual(uuids.slice(0, 2));
  expect(uuids.map((uuid) => parking.holds(uuid)).slice(0, 4)).toEqual([false, false, true, false]);
});

test('no two parkings name the same time, though the runs wait for the same', () => {
  const { parking, context } = park({ count: 10, runsMax: 10 });
  parking.relieve();
  const times = context.appends.map(({ entry }) => entry.queue!.parkedUntilMs);
  expect(new Set(times).size).toBe(3);
  expect(Math.max(...times.map(Number)) - Math.min(...times.map(Number))).toBeLessThan(500);
});
