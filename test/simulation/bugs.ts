import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type PlantedBug, plantedBugs } from './planted-bugs.ts';

const run = promisify(execFile);
const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Plants one bug after another, each in a process of its own. Answers whether all were found. */
export async function findBugs(
  seeds: number,
  print: (lines: readonly string[]) => void,
  named = '',
): Promise<boolean> {
  let missed = 0;
  const chosen = plantedBugs.filter(({ name }) => name.includes(named));
  for (const bug of chosen) {
    const found = await hunt(bug, seeds);
    if (found === null) missed++;
    print([`${found === null ? 'NOT FOUND' : `seed ${found.seed}`.padEnd(9)}  ${bug.name}`, ...shown(found)]);
  }
  print([missed === 0 ? `all ${chosen.length} planted bugs found` : `${missed} planted bugs NOT found`]);
  return missed === 0;
}

interface Found {
  readonly seed: string;
  readonly violation: string;
}

async function hunt({ name }: PlantedBug, seeds: number): Promise<Found | null> {
  const { stdout } = await run(
    process.execPath,
    ['--import', pathOf('./plant.js'), pathOf('./hunt.js'), String(seeds)],
    { env: { ...process.env, PLANTED_BUG: name } },
  );
  const [seed, ...violation] = stdout.trim().split(' ');
  return seed ? { seed, violation: violation.join(' ') } : null;
}

function shown(found: Found | null): string[] {
  return found === null ? [] : [`           ${found.violation}`];
}
