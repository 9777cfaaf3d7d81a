import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Loop } from './loop.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function createLoop(tick: (count: number) => Promise<boolean> | boolean) {
  let count = 0;
  let running = 0;
  let most = 0;
  const loop = new Loop({
    name: 'testing',
    intervalMs: 1000,
    log: pino({ enabled: false }),
    tick: async () => {
      most = Math.max(most, ++running);
      try {
        return await tick(++count);
      } finally {
        running--;
      }
    },
  });
  return { loop, count: () => count, most: () => most };
}

const turn = () => vi.advanceTimersByTimeAsync(0);

test('ticks at start, and again within each interval', async () => {
  const { loop, count } = createLoop(() => false);
  loop.start();
  await turn();
  expect(count()).toBe(1);
  await vi.advanceTimersByTimeAsync(749);
  expect(count()).toBe(1);
  await vi.advanceTimersByTimeAsync(251);
  expect(count()).toBe(2);
  await loop.stop();
  await vi.advanceTimersByTimeAsync(5000);
  expect(count()).toBe(2);
});

test('ticks again at once while there is more to do', async () => {
  const { loop, count } = createLoop((n) => n < 5);
  loop.start();
  await turn();
  expect(count()).toBe(5);
  await loop.stop();
});

test('a poke during a tick makes it tick once more, never beside itself', async () => {
  const waits: (() => void)[] = [];
  const { loop, count, most } = createLoop(() => new Promise((resolve) => waits.push(() => resolve(false))));
  loop.start();
  await turn();
  loop.poke();
  loop.poke();
  await turn();
  expect(count()).toBe(1);
  waits[0]!();
  await turn();
  expect(count()).toBe(2);
  waits[1]!();
  await turn();
  expect([count(), most()]).toEqual([2, 1]);
  await loop.stop();
});

test('a tick that pokes its own loop runs once more, not inside itself', async () => {
  const { loop, count, most } = createLoop((n) => {
    if (n === 1) loop.poke();
    return false;
  });
  loop.start();
  await turn();
  expect([count(), most()]).toEqual([2, 1]);
  await loop.stop();
});

test('an error is waited out, and does not stop it', async () => {
  const { loop, count } = createLoop((n) => {
    if (n < 3) throw new Error('test');
    return false;
  });
  loop.start();
  await turn();
  expect(count()).toBe(1);
  await vi.advanceTimersByTimeAsync(3000);
  expect(count()).toBeGreaterThanOrEqual(3);
  await loop.stop();
});

test('stop waits for the tick under way; pokes after it do nothing', async () => {
  let end = () => {};
  const { loop, count } = createLoop(() => new Promise((resolve) => (end = () => resolve(true))));
  loop.start();
  await turn();
  let isStopped = false;
  const stopped = loop.stop().then(() => (isStopped = true));
  await turn();
  expect(isStopped).toBe(false);
  end();
  await stopped;
  loop.poke();
  await vi.advanceTimersByTimeAsync(5000);
  expect(count()).toBe(1);
});
