import { simulate } from './simulation.ts';

/** Simulates until one fails: prints its seed and its first violation, or nothing. */
const seeds = Number(process.argv[2]);
for (let seed = 1; seed <= seeds; seed++) {
  const { violations } = await simulate(seed);
  if (violations.length === 0) continue;
  process.stdout.write(`${seed} ${violations[0]}\n`);
  process.exit(0);
}
