import { beforeEach, describe, expect, test } from 'vitest';
import { Circuits } from './circuits.ts';

const options = {
  failuresMin: 4,
  deliveriesMin: 2,
  openMs: 1000,
  openMsMax: 4000,
  probeMs: 500,
  endpointsMax: 3,
};
let circuits: Circuits;
beforeEach(() => {
  circuits = new Circuits(options);
});

const [first, second] = [{}, {}];
const fail = (endpoint: string, atMs: number, delivery: object = first) =>
  circuits.ended(endpoint, delivery, true, atMs);
const succeed = (endpoint: string, atMs: number) => circuits.ended(endpoint, first, false, atMs);

function open(endpoint: string, atMs = 0): void {
  const changes = [first, second, first, second].map((delivery) => fail(endpoint, atMs, delivery));
  expect(changes).toEqual([null, null, null, 'opened']);
}

describe('a circuit opens', () => {
  test('after enough failures in a row, of enough deliveries, for its endpoint alone', () => {
    open('a');
    expect(circuits.open).toBe(1);
    expect(circuits.heldUntil('a', 'seed', 10)).toBeGreaterThanOrEqual(1000);
    expect(circuits.heldUntil('b', 'seed', 10)).toBeNull();
  });

  test('not while one among them succeeds', () => {
    for (let n = 0; n < 20; n++) {
      expect(n % 3 === 2 ? succeed('a', n) : fail(`a`, n, n % 2 === 0 ? first : second)).toBeNull();
    }
    expect(circuits.open).toBe(0);
  });

  test('not for one delivery that fails again and again: it has a back-off of its own', () => {
    for (let n = 0; n < 100; n++) expect(fail('a', n)).toBeNull();
    expect(fail('a', 100, second)).toBe('opened');
  });
});

describe('an open circuit', () => {
  test('spreads what it holds back over as long again, each delivery always in the same place', () => {
    open('a');
    const times = Array.from({ length: 200 }, (_, n) => circuits.heldUntil('a', `run ${n}`, 1)!);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(1000);
    expect(Math.max(...times)).toBeLessThanOrEqual(2000);
    const perTenth = Array.from({ length: 10 }, (_, n) => times.filter((at) => at >= 1000 + 100 * n).length);
    expect(Math.min(...perTenth.map((count, n) => count - (perTenth[n + 1] ?? 0)))).toBeGreaterThan(5);
    expect(circuits.heldUntil('a', 'run 0', 2)).toBe(times[0]);
  });

  test('lets one attempt through when its time is over, and holds the others until that has ended', () => {
    open('a');
    expect(circuits.heldUntil('a', 'probe', 1000)).toBeNull();
    expect(circuits.heldUntil('a', 'other', 1001)).toBeGreaterThanOrEqual(1500);
    expect(succeed('a', 1200)).toBe('closed');
    expect([circuits.open, circuits.heldUntil('a', 'other', 1201)]).toEqual([0, null]);
  });

  test('sends another probe when the first one takes long', () => {
    open('a');
    const probes = [];
    for (let at = 1000; at < 3000; at += 100) {
      if (circuits.heldUntil('a', `${at}`, at) === null) probes.push(at);
    }
    expect(probes).toEqual([1000, 1500, 2000, 2500]);
  });

  test('is open for twice as long after each probe that failed, up to its bound', () => {
    open('a');
    const lengths: number[] = [];
    let at = 0;
    for (let n = 0; n < 5; n++) {
      const from = at;
      while (circuits.heldUntil('a', 'probe', at) !== null) at += 100;
      lengths.push(at - from);
      fail('a', at);
    }
    expect(lengths).toEqual([1000, 2000, 4000, 4000, 4000]);
  });

  test('is not held open by attempts that were under way when it opened', () => {
    open('a');
    for (let n = 0; n < 100; n++) fail('a', 900, {});
    expect(circuits.heldUntil('a', 'probe', 1000)).toBeNull();
  });
});

test('endpoints kept in mind are bounded: the one that failed longest ago is forgotten', () => {
  open('a');
  for (const endpoint of ['b', 'c', 'd']) fail(endpoint, 1);
  expect([circuits.open, circuits.heldUntil('a', 'seed', 2)]).toEqual([0, null]);
});
