import { pause } from '../caller.ts';
import type { FaultRow, RowReport } from '../row.ts';
import { LoadHandlers } from '../traffic/handlers.ts';
import { chain, Stage } from '../traffic/stage.ts';

const memoryMib = 512;
/** Of it, what is V8's; the rest is for what is on its way in and out, and for the program. */
const heapMib = 320;
/** An eighth of it is for what is coming in; beside it one answer of each origin, and one read of each exchange. */
const [origins, readBytes] = [4, 64 * 1024];
/** What a result of 1 MiB may have: the text of a JSON string. */
const result = `"${'x'.repeat(2 ** 20 - 2)}"`;

/** `--runs`: results at once. */
export const r17: FaultRow = {
  id: 'R17',
  title: 'two hundred results of 1 MiB in 512 MiB',
  short: { seconds: 0, runs: 200 },
  run(context) {
    const env = { NODE_OPTIONS: `--max-old-space-size=${heapMib}` };
    return Stage.play(context, { roles: ['serve'], env }, async (stage) => {
      const others = await Promise.all(Array.from({ length: origins - 1 }, () => LoadHandlers.start()));
      try {
        return await play(stage, [stage.handlers, ...others]);
      } finally {
        await Promise.all(others.map((each) => each.stop()));
      }
    });
  },
};

async function play(stage: Stage, answering: readonly LoadHandlers[]): Promise<RowReport> {
  const { client, handlers, fleet, context } = stage;
  const { runs, note } = context;
  for (const [n, each] of answering.entries()) {
    each.on('/large', () => null);
    await client.put(`large-${n}`, chain(`large-${n}`, [`${each.url}/large`, '/small']));
  }
  await Promise.all(Array.from({ length: runs }, (_, n) => client.start(`large-${n % origins}`)));
  const held = () => answering.reduce((sum, each) => sum + each.held, 0);
  // All are asked before the first answers: then they come at once.
  while (held() < runs) await pause(20);
  const memoryBefore = fleet.memoryMib();
  let [memory, answerBytes] = [memoryBefore, 0];
  let isOver = false;
  const watch = async (look: () => Promise<void> | void) => {
    for (; !isOver; await pause(20)) await look();
  };
  const watching = [
    watch(() => {
      memory = Math.max(memory, fleet.memoryMib());
    }),
    watch(async () => {
      const metrics = await stage.metrics('serve');
      answerBytes = Math.max(answerBytes, metrics.get('waybill_answer_bytes_in_flight') ?? 0);
    }),
  ];
  note(`${held()} handlers answer at once`);
  for (const each of answering) each.release(result);
  stage.calm();
  const seconds = await stage.drained(60);
  isOver = true;
  await Promise.all(watching);
  const answerBytesMax = (heapMib * 2 ** 20) / 8 + origins * 2 ** 20 + runs * readBytes;
  handlers.requests.push(...answering.slice(1).flatMap((each) => each.requests));
  const violations = await stage.violations(60_000);
  const rows = await stage.sql<{ state: string; runs: number }[]>`
    select state, count(*)::int as runs from runs group by state`;
  if (rows.some(({ state }) => state !== 'completed')) {
    violations.push(`runs ended ${rows.map(({ state, runs: n }) => `${n} ${state}`).join(', ')}`);
  }
  const [lost] = await stage.sql<{ lost: number }[]>`
    select count(*)::int as lost from run_events where type = 'attempt.lost'`;
  if (memory > memoryMib) violations.push(`the process took ${memory} MiB`);
  if (answerBytes === 0) violations.push('no answer was seen coming in');
  if (answerBytes > answerBytesMax)
    violations.push(`${answerBytes} bytes of answers were coming in, ${answerBytesMax} may`);
  if (lost!.lost > 0) violations.push(`${lost!.lost} attempts were lost`);
  return {
    figures: {
      'memory of the process': `${memoryBefore} MiB before, ${memory} MiB at most`,
      'answers coming in': `${(answerBytes / 2 ** 20).toFixed(1)} MiB at most, ${(answerBytesMax / 2 ** 20).toFixed(1)} may`,
      'attempts lost': lost!.lost,
      'all over after': `${seconds.toFixed(1)} s`,
    },
    violations,
  };
}
