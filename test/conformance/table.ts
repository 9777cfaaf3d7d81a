import { isElsewhere, rowTitles } from './rows.ts';

/** A test as the table sees it. */
export interface TestOutcome {
  readonly name: string;
  readonly hasPassed: boolean;
}

export interface Row {
  readonly number: number;
  readonly title: string;
  readonly passed: number;
  readonly failed: number;
}

/** Every row of the list with the tests that name it. */
export function rowsOf(tests: readonly TestOutcome[]): Row[] {
  return rowTitles.map((title, index) => {
    const number = index + 1;
    const own = tests.filter(({ name }) => rowsNamed(name).includes(number));
    const passed = own.filter(({ hasPassed }) => hasPassed).length;
    return { number, title, passed, failed: own.length - passed };
  });
}

/** `59, 60 a handler chooses` names two rows; a name without a number none. */
function rowsNamed(name: string): number[] {
  const [, numbers] = /^(\d+(?:, \d+)*) /.exec(name) ?? [];
  return numbers === undefined ? [] : numbers.split(', ').map(Number);
}

export function verdictOf({ number, passed, failed }: Row): 'pass' | 'FAIL' | '–' {
  if (failed > 0) return 'FAIL';
  if (passed > 0) return 'pass';
  return isElsewhere(number) ? '–' : 'FAIL';
}

export function lineOf(row: Row): string {
  const { number, title, passed, failed } = row;
  const count = passed + failed;
  const tests = count === 0 ? 'no test' : count === 1 ? '1 test' : `${count} tests`;
  const shown = failed > 0 ? `${failed} of ${tests} failed` : tests;
  return `${String(number).padStart(3)}  ${verdictOf(row).padEnd(4)}  ${title} (${shown})`;
}
