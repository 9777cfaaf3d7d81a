import { expect, test } from 'vitest';
import { newUuid } from '../test/harness.ts';
import { chunksOf } from './run-loader.ts';

const mib = 1024 * 1024;
const claimed = (bytes: number) => ({ runUuid: newUuid(), claims: 0, bytes });

test('journals are read in chunks bounded by bytes; what is larger goes alone; all in order', () => {
  const runs = [3, 3, 3, 40, 1, 7, 1].map((size) => claimed(size * mib));
  const chunks = [...chunksOf(runs)];
  expect(chunks.map((chunk) => chunk.map(({ bytes }) => bytes / mib))).toEqual([
    [3, 3],
    [3],
    [40],
    [1, 7],
    [1],
  ]);
  expect(chunks.flat()).toEqual(runs);
});

test('many small runs are read 200 at a time', () => {
  const runs = Array.from({ length: 450 }, () => claimed(10));
  expect([...chunksOf(runs)].map((chunk) => chunk.length)).toEqual([200, 200, 50]);
  expect([...chunksOf([])]).toEqual([]);
});
