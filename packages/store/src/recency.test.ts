import { expect, test } from 'vitest';
import { Recency } from './recency.ts';

test('all is looked at first, every 5 s, and after a gap', () => {
  const recency = new Recency();
  const all: number[] = [];
  const look = (at: number) => {
    const isAll = recency.isAllDue(at);
    if (isAll) all.push(at);
    recency.looked(at, isAll);
  };
  for (let at = 0; at <= 12_000; at += 1000) look(at);
  expect(all).toEqual([0, 5000, 10_000]);
  look(14_500);
  look(15_000);
  expect(all.slice(3)).toEqual([14_500]);
});

test('a look that failed counts for nothing', () => {
  const recency = new Recency();
  expect(recency.isAllDue(0)).toBe(true);
  expect(recency.isAllDue(100)).toBe(true);
});
