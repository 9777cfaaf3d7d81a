/** `npm run faults -- list`, or rows by their ids with `--seed`, `--seconds`, `--runs`. */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { createRandom } from '../support/random.ts';
import { type FaultRow, isElsewhere, type RowReport, type RowSize, type TableRow } from './row.ts';
import { rows } from './table.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' }, seconds: { type: 'string' }, runs: { type: 'string' } },
});

const apart = 'WAYBILL_FAULTS_APART';

function number(name: 'seed' | 'seconds' | 'runs'): number | undefined {
  const text = values[name];
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new Error(`--${name} must be a whole number`);
  return Number(text);
}

/** One line a row. */
function lineOf(row: TableRow): string {
  const head = `${row.id.padEnd(4)} ${row.title}`;
  if (isElsewhere(row)) return `${head}  [${row.where}]`;
  return row.packages ? `${head}  (needs ${row.packages.join(', ')})` : head;
}

function find(id: string): FaultRow {
  const row = rows.find((candidate) => candidate.id === id.toUpperCase());
  if (!row) throw new Error(`no row ${id}; see "npm run faults -- list"`);
  if (isElsewhere(row)) throw new Error(`${row.id} is not shown here: ${row.where}`);
  return row;
}

/** The row in a namespace of its mounts, by this same program: what it mounts goes with it. */
function showApart(row: FaultRow): boolean {
  const flags = process.argv.slice(2).filter((argument) => !positionals.includes(argument));
  const again = [process.execPath, ...process.execArgv, process.argv[1]!, row.id, ...flags];
  const { status, error } = spawnSync('unshare', ['-m', '--propagation', 'private', ...again], {
    stdio: 'inherit',
    env: { ...process.env, [apart]: '1' },
  });
  if (error) console.error(`faults: ${row.id} needs unshare and root: ${error.message}`);
  return status === 0;
}

async function show(row: FaultRow, seed: number, asked: Partial<RowSize>): Promise<boolean> {
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
  for (const [name, value] of Object.entries(report.figures)) console.log(`  ${name.padEnd(32)} ${value}`);
  for (const violation of report.violations) console.log(`  VIOLATION ${violation}`);
  console.log(`  violations ${report.violations.length}   (${row.id}, seed ${seed})`);
  return report.violations.length === 0;
}

async function main(): Promise<number> {
  if (positionals.length === 0 || positionals[0] === 'list') {
    for (const row of rows) console.log(lineOf(row));
    return 0;
  }
  const wanted = positionals.map(find);
  const seed = number('seed') ?? 1;
  const [seconds, runs] = [number('seconds'), number('runs')];
  const asked = { ...(seconds === undefined ? {} : { seconds }), ...(runs === undefined ? {} : { runs }) };
  let isGood = true;
  for (const row of wanted) {
    const mustPart = row.mounts === true && process.env[apart] === undefined;
    const isRowGood = mustPart ? showApart(row) : await show(row, seed, asked);
    isGood = isRowGood && isGood;
  }
  return isGood ? 0 : 1;
}

try {
  process.exit(await main());
} catch (error) {
  console.error(`faults: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
