import type { Reporter, TestModule } from 'vitest/node';
import { lineOf, rowsOf, verdictOf } from './table.ts';

/**
 * Prints one line for each row of the conformance list, and fails the process when a row fails or has no test.
 * Used by `npm run conformance`, beside a reporter that shows the failures themselves.
 */
export default class ConformanceReport implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const ours = modules.filter(({ moduleId }) => moduleId.includes('/test/conformance/'));
    const tests = ours.flatMap((module) => [...module.children.allTests()]);
    const rows = rowsOf(
      tests.map((test) => ({ name: test.name, hasPassed: test.result().state === 'passed' })),
    );
    for (const row of rows) console.log(lineOf(row));
    const of = (verdict: string) => rows.filter((row) => verdictOf(row) === verdict).length;
    console.log(`\n${of('pass')} rows pass, ${of('FAIL')} fail, ${of('–')} are shown elsewhere`);
    if (of('FAIL') > 0) process.exitCode = 1;
  }
}
