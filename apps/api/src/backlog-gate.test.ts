import type { Backlog } from '@waybill/store';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { BacklogGate } from './backlog-gate.ts';

/** A gate of ten runs, whose looks take as long as a test says and find what it says. */
function setUp() {
  let now = 0;
  let answer: (backlogs: readonly Backlog[]) => void = () => {};
  let fail: (error: Error) => void = () => {};
  let looks = 0;
  const gate = new BacklogGate({
    read: () => {
      looks++;
      return new Promise((resolve, reject) => {
        [answer, fail] = [resolve, reject];
      });
    },
    runsMax: 10,
    log: pino({ level: 'silent' }),
    now: () => now,
  });
  const admitted = (project = 'a') => {
    let count = 0;
    for (; count < 100 && gate.refusalOf(project) === null; count++) gate.take(project, 1);
    return count;
  };
  return {
    gate,
    admitted,
    looks: () => looks,
    async look(runs: number | null, ageMs: number, tookMs = 0) {
      gate.refusalOf('a');
      now += tookMs;
      if (runs === null) fail(new Error('no answer'));
      else answer([{ project: 'a', runs, ageMs }]);
      await new Promise((resolve) => setImmediate(resolve));
    },
    pass(ms: number) {
      now += ms;
    },
  };
}

test('whoever keeps up is let in without end, whatever the burst', async () => {
  const { gate, admitted, look } = setUp();
  await look(11, 1999);
  expect([gate.isOpen, admitted()]).toEqual([true, 100]);
});

test('of a project that does not, no more than there was room for are let in until the next look', async () => {
  const { gate, admitted, look, pass } = setUp();
  await look(7, 2001);
  expect([gate.isOpen, admitted(), admitted('b')]).toEqual([false, 4, 100]);
  expect(() => gate.admit('a')).toThrow('backlogMax 10 runs wait');
  pass(499);
  expect(admitted()).toBe(0);
  pass(1);
  await look(11, 2500);
  expect(admitted()).toBe(0);
  pass(500);
  await look(3, 100);
  expect([gate.isOpen, admitted()]).toEqual([true, 100]);
});

test('a batch takes as many places as it has runs; a look that fails leaves the project what the last one found', async () => {
  const { gate, admitted, look, pass } = setUp();
  await look(7, 2001);
  gate.take('a', 1000);
  expect(() => gate.take('a', 1)).toThrow('backlogMax 10 runs wait');
  expect(admitted()).toBe(0);
  pass(500);
  await look(null, 0);
  expect(admitted()).toBe(4);
});

test('what nobody asked about for a while is not known: the next one is let in, and has it looked up', async () => {
  const { admitted, look, looks, pass } = setUp();
  await look(11, 3000);
  for (let n = 0; n < 3; n++) {
    pass(4999);
    await look(11, 3000);
    expect(admitted()).toBe(0);
  }
  pass(5001);
  expect([admitted(), looks()]).toEqual([100, 5]);
});

test('slow looks come less often, but not so that a flood finds the gate open for long', async () => {
  const { admitted, look, looks, pass } = setUp();
  await look(11, 3000, 50);
  pass(999);
  expect([admitted(), looks()]).toEqual([0, 1]);
  pass(1);
  await look(11, 3000, 5000);
  pass(1999);
  expect([admitted(), looks()]).toEqual([0, 2]);
  pass(1);
  expect([admitted(), looks()]).toEqual([0, 3]);
});
