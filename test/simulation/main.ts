import { simulate } from './simulation.ts';

const from = Number(process.argv[2] ?? 1);
const count = Number(process.argv[3] ?? 1);
const t = performance.now();
let happened = 0;
for (let seed = from; seed < from + count; seed++) {
  const result = await simulate(seed);
  happened += result.happened;
  if (result.violations.length > 0) console.log(seed, result.violations.slice(0, 5));
  if (process.argv[4]) console.log(result.log.join('\n'), result);
}
console.log('ms/seed', (performance.now() - t) / count, 'happened/seed', happened / count);
