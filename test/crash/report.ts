import { createRandom } from '../support/random.ts';
import type { FaultRow, RowReport, RowSize } from './row.ts';

const shownMax = 30;

/** Runs the row and prints its figures and what was violated. Answers whether nothing was. */
export async function runAndPrint(row: FaultRow, seed: number, asked: Partial<RowSize>): Promise<boolean> {
  const size = { ...row.short, ...asked };
  console.log(`\n${row.id} ${row.title}`);
  console.log(`  seed ${seed}, at least ${size.seconds} s, ${size.runs} runs`);
  const startedAt = performance.now();
  const note = (line: string) =>
    console.log(`  ${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  const context = { ...size, seed, random: createRandom(seed), note };
  const report = await row.run(context).catch(
    (error: unknown): RowReport => ({
      figures: {},
      violations: [`the row itself failed: ${error instanceof Error ? error.stack : error}`],
    }),
  );
  for (const [name, value] of Object.entries(report.figures)) console.log(`  ${name.padEnd(40)} ${value}`);
  for (const violation of report.violations.slice(0, shownMax)) console.log(`  VIOLATION ${violation}`);
  if (report.violations.length > shownMax) console.log('  … and more of them');
  console.log(`  violations ${report.violations.length}   (${row.id}, seed ${seed})`);
  return report.violations.length === 0;
}
