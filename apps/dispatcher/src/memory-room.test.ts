import { describe, expect, test } from 'vitest';
import { FakeContext, newDriver, planOf, step } from '../test/harness.ts';
import { MemoryRoom } from './memory-room.ts';
import { OwnedRuns } from './owned-runs.ts';
import type { RunDriver } from './run-driver.ts';

function setUp(runsMax = 100) {
  let rooms = 0;
  const runs: OwnedRuns = new OwnedRuns({ onSuspectGone: () => {}, onRemoved: () => room.freed() });
  const load = { isSaturated: false };
  const room = new MemoryRoom({
    ...{ runs, runsMax, bytesMax: 1_000_000 },
    isSaturated: () => load.isSaturated,
    onRoom: () => void rooms++,
  });
  const context = new FakeContext();
  const plan = planOf([step('a')]);
  const own = (project: string, count: number, bytes = 10) =>
    Array.from({ length: count }, () => {
      const driver = newDriver(context, plan);
      Object.assign(driver, { project: { ...driver.project, uuid: project } });
      runs.add(driver, { claims: 0, bytes, queuedBytes: bytes }, 0);
      return driver;
    });
  const end = (drivers: readonly RunDriver[]) => {
    for (const driver of drivers) runs.remove(driver);
  };
  return { load, room, own, end, rooms: () => rooms };
}

describe('a run starts without the queue', () => {
  test('until its project has three quarters of all, which leaves places to others', () => {
    const { room, own } = setUp();
    own('flood', 74);
    expect(room.mayStart('flood')).toBe(true);
    own('flood', 1);
    expect([room.mayStart('flood'), room.mayStart('other')]).toEqual([false, true]);
  });

  test('until nine tenths are taken: from there on projects take turns in the queue', () => {
    const { room, own } = setUp();
    for (let n = 0; n < 9; n++) own(`project ${n}`, 10);
    expect(room.mayStart('other')).toBe(false);
    expect(room.toClaim()).toMatchObject({ runs: 10 });
  });

  test('not above the bytes that runs may take', () => {
    const { room, own } = setUp();
    own('a', 1, 1_000_000);
    expect([room.mayStart('b'), room.toClaim()]).toEqual([false, null]);
  });
});

describe('a claim', () => {
  test('is told what each project has, and how much it may have', () => {
    const { room, own, end } = setUp();
    const [first] = own('a', 3);
    own('b', 1);
    end([first!]);
    const counts = new Map([
      ['a', 2],
      ['b', 1],
    ]);
    expect(room.toClaim()).toMatchObject({ runs: 97, share: { runsMax: 90, owned: counts } });
  });

  test('waits while more is due than can be sent, as does a start; the next end after it calls for one', () => {
    const { load, room, own, end, rooms } = setUp();
    const [first, second] = own('a', 2);
    load.isSaturated = true;
    expect([room.mayStart('a'), room.toClaim()]).toEqual([false, null]);
    end([first!]);
    expect(rooms()).toBe(0);
    load.isSaturated = false;
    end([second!]);
    expect(rooms()).toBe(1);
    expect(room.mayStart('a')).toBe(true);
  });

  test('that found no room is called for once there is enough of it', () => {
    const { room, own, end, rooms } = setUp();
    const drivers = own('a', 100);
    expect(room.toClaim()).toBeNull();
    end(drivers.slice(0, 4));
    expect(rooms()).toBe(0);
    end(drivers.slice(4, 10));
    expect(rooms()).toBe(1);
    expect(room.toClaim()).toMatchObject({ runs: 10 });
  });
});
