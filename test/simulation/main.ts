import { parseArgs } from 'node:util';
import { findBugs } from './bugs.ts';
import { describeFailure, Tally } from './report.ts';
import { shrink } from './shrink.ts';
import { simulate } from './simulation.ts';

const help = `npm run simulate -- [--seeds 1000] [--from 1]   that many simulations, each of them twice; exit code 1
                                                when one fails, or does not replay to the same log
npm run simulate -- --seed 42                   one, with its whole log
npm run simulate -- --bugs [--seeds 1000]       plants bugs in the product and looks for each; --named: some of them
`;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    bugs: { type: 'boolean', default: false },
    named: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
});

const print = (lines: readonly string[]) => process.stdout.write(`${lines.join('\n')}\n`);

async function one(seed: number): Promise<boolean> {
  const result = await simulate(seed);
  const again = await simulate(seed);
  const isSame = result.hash === again.hash;
  print(result.log);
  print([isSame ? 'replays to the same log' : 'DOES NOT replay to the same log']);
  if (result.violations.length > 0) print(describeFailure(result, await shrink(result)));
  return isSame && result.violations.length === 0;
}

async function many(from: number, count: number): Promise<boolean> {
  const tally = new Tally();
  let failures = 0;
  for (let seed = from; seed < from + count; seed++) {
    const result = await simulate(seed);
    tally.add(result);
    if (result.violations.length > 0) {
      failures++;
      // The first few are shrunk: the others are often the same.
      print(describeFailure(result, failures <= 3 ? await shrink(result) : null));
    }
    if ((await simulate(seed)).hash === result.hash) {
      tally.replayed();
      continue;
    }
    failures++;
    print([`seed ${seed} does not replay to the same log`]);
  }
  print([...tally.lines(), failures === 0 ? 'no violation' : `${failures} FAILED`]);
  return failures === 0;
}

async function main(): Promise<boolean> {
  const seeds = Number(values.seeds);
  if (values.help) {
    print([help]);
    return true;
  }
  if (values.bugs) return await findBugs(seeds, print, values.named);
  if (values.seed !== undefined) return await one(Number(values.seed));
  return await many(Number(values.from), seeds);
}

process.exitCode = (await main()) ? 0 : 1;
