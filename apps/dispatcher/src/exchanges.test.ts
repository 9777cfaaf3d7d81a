import type { Egress, EgressRequest } from '@waybill/egress';
import { type Delivery, evolve } from '@waybill/engine';
import { defaultLimits } from '@waybill/protocol';
import { expect, test } from 'vitest';
import { FakeClock, FakeContext, newDriver, planOf, step } from '../test/harness.ts';
import { Exchanges } from './exchanges.ts';
import { SendQueue } from './send-queue.ts';

/** 128 connections an origin, of handlers that never answer. */
function silentEgress(): Egress & { openTo(origin: string): number } {
  const open = new Map<string, number>();
  const openTo = (url: string) => open.get(new URL(url).origin) ?? 0;
  return {
    post({ url }: EgressRequest) {
      open.set(new URL(url).origin, openTo(url) + 1);
      return { answer: new Promise(() => {}), abort: () => {}, extend: () => {} };
    },
    hasRoom: (url, openMax = 128) => openTo(url) < Math.min(128, openMax),
    openTo,
    inFlight: 0,
    answerBytes: 0,
    close: async () => {},
  };
}

function setUp(inFlightMax: number) {
  const egress = silentEgress();
  const exchanges = new Exchanges({
    maySend: () => true,
    ...{
      egress,
      inFlightMax,
      inFlightBytesMax: 2 ** 26,
      clock: new FakeClock(),
      callbacks: null,
      ...defaultLimits,
    },
    endpoints: { ended: () => {} },
    onEnd: () => {},
    within: (_, outcome) => outcome,
    onCrash: (_, error) => {
      throw error;
    },
  });
  const queue = new SendQueue({
    isOpen: () => !exchanges.isFull,
    hasRoom: (url) => exchanges.hasRoom(url),
  });
  /** As many deliveries to the origin. */
  const push = (origin: string, count: number, payload?: string) => {
    const driver = newDriver(new FakeContext(), planOf([step('a', { url: `${origin}/a`, payload })]));
    evolve(driver.state, { type: 'run.created', at: 1, started: true });
    const sender = {
      project: driver.project,
      send: (delivery: Delivery) => exchanges.start(driver, delivery),
    };
    for (let n = 0; n < count; n++) {
      queue.push(sender, { ...driver.state.steps[0]!.delivery! }, `${origin}/a`);
    }
  };
  return { egress, exchanges, queue, push };
}

test('handlers that never answer take what one origin may have, and no more', () => {
  const { egress, exchanges, queue, push } = setUp(1024);
  push('http://silent.test', 500);
  push('http://other.test', 3);
  expect([egress.openTo('http://silent.test'), egress.openTo('http://other.test')]).toEqual([128, 3]);
  expect([exchanges.size, queue.size]).toEqual([131, 372]);
});

test.each([20, 500])('of %d origins that never answer none keeps another from being sent to', (silent) => {
  const { egress, exchanges, push } = setUp(4096);
  for (let n = 0; n < silent; n++) push(`http://silent-${n}.test`, 140);
  expect(exchanges.isFull).toBe(false);
  push('http://other.test', 1);
  expect(egress.openTo('http://other.test')).toBe(1);
});

test('large requests to handlers that never answer take memory up to a bound; another origin is sent to', () => {
  const { egress, exchanges, push } = setUp(4096);
  const megabyte = 'x'.repeat(2 ** 20);
  for (let n = 0; n < 10; n++) push(`http://silent-${n}.test`, 128, megabyte);
  expect(egress.openTo('http://silent-0.test')).toBeLessThan(64);
  expect(exchanges.bytes).toBeLessThan(80 * 2 ** 20);
  push('http://other.test', 1, megabyte);
  expect(egress.openTo('http://other.test')).toBe(1);
});
