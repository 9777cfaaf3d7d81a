import { expect, test } from 'vitest';
import { rowTitles } from './rows.ts';
import { lineOf, rowsOf, verdictOf } from './table.ts';

const passed = (name: string) => ({ name, hasPassed: true });
const failed = (name: string) => ({ name, hasPassed: false });

/** Row by number. */
function table(...tests: { name: string; hasPassed: boolean }[]) {
  const rows = rowsOf(tests);
  return (number: number) => rows[number - 1]!;
}

test('the list has 76 rows, each with a title of its own', () => {
  expect(rowTitles).toHaveLength(76);
  expect(new Set(rowTitles).size).toBe(76);
});

test('a test counts for every row that its name begins with, and for no other', () => {
  const row = table(passed('59, 60 branches'), passed('59 6 branches'), passed('pause'), passed('6th sense'));
  expect([59, 60, 6].map((number) => row(number).passed)).toEqual([2, 1, 0]);
});

test('a row passes when it has tests and all of them pass', () => {
  const row = table(passed('1 a chain'), passed('2 context'), failed('2 context, again'));
  expect([1, 2, 3].map((number) => verdictOf(row(number)))).toEqual(['pass', 'FAIL', 'FAIL']);
});

test('only rows that a suite of their own shows may have no test', () => {
  const row = table(failed('66 a job'));
  expect([64, 65, 66, 72, 73].map((number) => verdictOf(row(number)))).toEqual([
    'FAIL',
    '–',
    'FAIL',
    '–',
    'FAIL',
  ]);
});

test('a line has the number, the verdict, the title and how many tests there are', () => {
  const row = table(passed('4 overlap'), passed('5 fan-in'), failed('5 fan-in'));
  expect([3, 4, 5].map((number) => lineOf(row(number)).replace(rowTitles[number - 1]!, '…'))).toEqual([
    '  3  FAIL  … (no test)',
    '  4  pass  … (1 test)',
    '  5  FAIL  … (1 of 2 tests failed)',
  ]);
});
