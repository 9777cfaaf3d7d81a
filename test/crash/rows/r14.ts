import { pause } from '../caller.ts';
import type { FaultRow, RowReport } from '../row.ts';
import { LoadHandlers } from '../traffic/handlers.ts';
import { othersFor } from '../traffic/others.ts';
import { chain, ms, quantile, Stage } from '../traffic/stage.ts';

const [silentOrigins, pathsPerOrigin] = [100, 5];

/** `--runs`: of how many runs the first step is never answered, spread over 500 handlers of 100 origins. */
export const r14: FaultRow = {
  id: 'R14',
  title: 'five hundred handlers never answer',
  short: { seconds: 15, runs: 6000 },
  async run(context) {
    const silent = await Promise.all(Array.from({ length: silentOrigins }, () => LoadHandlers.start()));
    try {
      return await Stage.play(context, { roles: ['serve'] }, (stage) => play(stage, silent));
    } finally {
      await Promise.all(silent.map((handlers) => handlers.stop()));
    }
  },
};

async function play(stage: Stage, silent: readonly LoadHandlers[]): Promise<RowReport> {
  const { client, handlers, fleet, context } = stage;
  const { runs, seconds, note } = context;
  const names = silent.flatMap(({ url }, origin) =>
    Array.from({ length: pathsPerOrigin }, (_, path) => ({
      key: `silent-${origin}-${path}`,
      url: `${url}/${path}`,
    })),
  );
  for (const each of silent)
    for (let path = 0; path < pathsPerOrigin; path++) each.on(`/${path}`, () => null);
  for (const { key, url } of names) await client.put(key, chain(key, [url, url]));
  await client.put('other', chain('other', ['/ok', '/ok']));
  const alone = await othersFor(stage, handlers, 4);

  for (let started = 0; started < runs; started += 50) {
    await Promise.all(
      Array.from({ length: 50 }, (_, n) => client.start(names[(started + n) % names.length]!.key)),
    );
  }
  const held = () => silent.reduce((sum, each) => sum + each.held, 0);
  while (held() < Math.min(runs, 1000)) await pause(100);
  const memoryBefore = fleet.memoryMib();
  const beside = await othersFor(stage, handlers, seconds);
  const memoryAfter = fleet.memoryMib();
  const during = await stage.metrics('serve');
  const atOne = Math.max(...silent.map((each) => each.held));
  note(`${held()} requests wait for an answer, ${atOne} at most at one origin`);

  const requests = [handlers, ...silent].flatMap((each) => each.requests);
  for (const each of silent) {
    for (let path = 0; path < pathsPerOrigin; path++) each.on(`/${path}`, () => ({}));
    each.release();
  }
  stage.calm();
  const drainSeconds = await stage.drained(60);
  handlers.requests.push(...silent.flatMap((each) => each.requests));
  const violations = await stage.violations(60_000);
  const [aloneP50, besideP50] = [quantile(alone, 0.5), quantile(beside, 0.5)];
  if (besideP50 > 3 * aloneP50 + 20)
    violations.push(`others took ${ms(besideP50)} instead of ${ms(aloneP50)}`);
  if (atOne > 128) violations.push(`${atOne} requests were open to one origin`);
  if (memoryAfter > 1.25 * memoryBefore + 30) violations.push(`memory grew to ${memoryAfter} MiB`);
  return {
    figures: {
      'requests without an answer': during.get('waybill_exchanges_in_flight') ?? 0,
      'deliveries that waited for a place': during.get('waybill_deliveries_waiting') ?? 0,
      'requests sent meanwhile': requests.length,
      'a run of others, alone': `p50 ${ms(aloneP50)}, p99 ${ms(quantile(alone, 0.99))}`,
      'a run of others, beside them': `p50 ${ms(besideP50)}, p99 ${ms(quantile(beside, 0.99))}, of ${beside.length}`,
      memory: `${memoryBefore} MiB when all waited, ${memoryAfter} MiB ${seconds} s later`,
      'all over after they answered': `${drainSeconds.toFixed(1)} s`,
    },
    violations,
  };
}
