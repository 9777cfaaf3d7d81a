import { pause } from '../caller.ts';
import type { FaultRow, RowReport } from '../row.ts';
import { chain, Stage } from '../traffic/stage.ts';

const memoryMib = 512;
/** Of it, what is V8's; the rest is for what is on its way in and out, and for the program. */
const heapMib = 320;
/** What a result of 1 MiB may have: the text of a JSON string. */
const result = `"${'x'.repeat(2 ** 20 - 2)}"`;

/** `--runs`: results at once. */
export const r17: FaultRow = {
  id: 'R17',
  title: 'two hundred results of 1 MiB in 512 MiB',
  short: { seconds: 0, runs: 200 },
  run(context) {
    const env = { NODE_OPTIONS: `--max-old-space-size=${heapMib}` };
    return Stage.play(context, { roles: ['serve'], env }, (stage) => play(stage));
  },
};

async function play(stage: Stage): Promise<RowReport> {
  const { client, handlers, fleet, context } = stage;
  const { runs, note } = context;
  // All are asked before the first answers: then they come at once.
  handlers.on('/large', () => null);
  await client.put('large', chain('large', ['/large', '/small']));
  await Promise.all(Array.from({ length: runs }, () => client.start('large')));
  const atOnce = Math.min(runs, 128);
  while (handlers.held < atOnce) await pause(20);
  const memoryBefore = fleet.memoryMib();
  let memory = memoryBefore;
  let isOver = false;
  const watching = (async () => {
    for (; !isOver; await pause(20)) memory = Math.max(memory, fleet.memoryMib());
  })();
  note(`${handlers.held} handlers answer at once, the others as soon as they are asked`);
  handlers.on('/large', () => ({ body: result }));
  handlers.release(result);
  stage.calm();
  const seconds = await stage.drained(60);
  isOver = true;
  await watching;
  const violations = await stage.violations(60_000);
  const rows = await stage.sql<{ state: string; runs: number }[]>`
    select state, count(*)::int as runs from runs group by state`;
  if (rows.some(({ state }) => state !== 'completed')) {
    violations.push(`runs ended ${rows.map(({ state, runs: n }) => `${n} ${state}`).join(', ')}`);
  }
  const [lost] = await stage.sql<{ lost: number }[]>`
    select count(*)::int as lost from run_events where type = 'attempt.lost'`;
  if (memory > 1.1 * memoryMib) violations.push(`the process took ${memory} MiB`);
  if (lost!.lost > 0) violations.push(`${lost!.lost} attempts were lost`);
  return {
    figures: {
      'memory of the process': `${memoryBefore} MiB before, ${memory} MiB at most`,
      'attempts lost': lost!.lost,
      'all over after': `${seconds.toFixed(1)} s`,
    },
    violations,
  };
}
