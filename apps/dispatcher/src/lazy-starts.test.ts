import type { Delivery } from '@waybill/engine';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LazyStarts } from './lazy-starts.ts';

const delivery = () => ({}) as Delivery;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('each start is recorded 50 ms after it, in order, and once', () => {
  const starts = new LazyStarts();
  const recorded: number[] = [];
  for (let index = 0; index < 3; index++) {
    starts.add(delivery(), () => recorded.push(index));
    vi.advanceTimersByTime(20);
  }
  expect(recorded).toEqual([0]);
  vi.advanceTimersByTime(9);
  expect(recorded).toEqual([0]);
  vi.advanceTimersByTime(1);
  expect(recorded).toEqual([0, 1]);
  vi.advanceTimersByTime(1000);
  expect(recorded).toEqual([0, 1, 2]);
  expect(vi.getTimerCount()).toBe(0);
});

test('a dropped start is not recorded; the next attempt of the delivery waits anew', () => {
  const starts = new LazyStarts();
  const recorded: string[] = [];
  const one = delivery();
  starts.add(one, () => recorded.push('first'));
  vi.advanceTimersByTime(30);
  starts.drop(one);
  starts.add(one, () => recorded.push('second'));
  vi.advanceTimersByTime(49);
  expect(recorded).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(recorded).toEqual(['second']);
});

test('recordNow records at once, and only what waits', () => {
  const starts = new LazyStarts();
  const recorded: string[] = [];
  const one = delivery();
  starts.add(one, () => recorded.push('one'));
  starts.recordNow(one);
  starts.recordNow(one);
  starts.recordNow(delivery());
  vi.advanceTimersByTime(1000);
  expect(recorded).toEqual(['one']);
});

test('clear forgets everything, and the next start has its whole wait', () => {
  const starts = new LazyStarts();
  const recorded: string[] = [];
  starts.add(delivery(), () => recorded.push('before'));
  vi.advanceTimersByTime(40);
  starts.clear();
  starts.add(delivery(), () => recorded.push('after'));
  vi.advanceTimersByTime(49);
  expect(recorded).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(recorded).toEqual(['after']);
});
