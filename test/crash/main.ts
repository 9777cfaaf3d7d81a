/** `npm run faults -- list`, or rows by their ids with `--seed`, `--seconds`, `--runs`. */
import { spawnSync } from 'node:child_process';
import { readOptions } from './options.ts';
import { runAndPrint } from './report.ts';
import { type FaultRow, isElsewhere, type TableRow } from './row.ts';
import { rows } from './table.ts';

/** Set in a process that has mounts of its own. */
const apart = 'WAYBILL_FAULTS_APART';

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
function runApart(row: FaultRow, positionals: readonly string[]): boolean {
  const flags = process.argv.slice(2).filter((argument) => !positionals.includes(argument));
  const again = [process.execPath, ...process.execArgv, process.argv[1]!, row.id, ...flags];
  const { status, error } = spawnSync('unshare', ['-m', '--propagation', 'private', ...again], {
    stdio: 'inherit',
    env: { ...process.env, [apart]: '1' },
  });
  if (error) console.error(`faults: ${row.id} needs unshare and root: ${error.message}`);
  return status === 0;
}

async function main(): Promise<number> {
  const { positionals, seed, size } = readOptions();
  if (positionals.length === 0 || positionals[0] === 'list') {
    for (const row of rows) console.log(lineOf(row));
    return 0;
  }
  let isGood = true;
  for (const row of positionals.map(find)) {
    const mustPart = row.mounts === true && process.env[apart] === undefined;
    const isRowGood = mustPart ? runApart(row, positionals) : await runAndPrint(row, seed, size);
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
