import type { Reporter, TestModule } from 'vitest/node';

interface Row {
  readonly number: number;
  readonly titles: string[];
  passed: number;
  failed: number;
}

/**
 * Prints one line for each row of the conformance list that has tests: tests are named `<row> <behaviour>`.
 * Used by `npm run conformance`, beside a reporter that shows the failures themselves.
 */
export default class ConformanceReport implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const rows = [...rowsOf(modules).values()].sort((a, b) => a.number - b.number);
    for (const row of rows) console.log(lineOf(row));
    const met = rows.filter(isMet).length;
    console.log(`\n${met} of ${rows.length} tested rows hold`);
  }
}

function rowsOf(modules: readonly TestModule[]): Map<number, Row> {
  const rows = new Map<number, Row>();
  const ours = modules.filter(({ moduleId }) => moduleId.includes('/test/conformance/'));
  for (const test of ours.flatMap((module) => [...module.children.allTests()])) {
    const named = /^(\d+) (.*)$/s.exec(test.name);
    if (!named) continue;
    const number = Number(named[1]);
    const row = rows.get(number) ?? { number, titles: [], passed: 0, failed: 0 };
    row.titles.push(named[2]!);
    if (test.result().state === 'passed') row.passed++;
    else row.failed++;
    rows.set(number, row);
  }
  return rows;
}

function isMet(row: Row): boolean {
  return row.failed === 0 && row.passed > 0;
}

function lineOf(row: Row): string {
  const { number, titles, passed, failed } = row;
  const verdict = isMet(row) ? 'pass' : 'FAIL';
  const count = titles.length > 1 ? ` (${passed}/${passed + failed} cases)` : '';
  return `${String(number).padStart(3)}  ${verdict}  ${titles[0]}${count}`;
}
