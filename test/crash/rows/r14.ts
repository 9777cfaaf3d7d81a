import { pause } from '../caller.ts';
import type { FaultRow, RowReport } from '../row.ts';
import { LoadHandlers } from '../traffic/handlers.ts';
import { othersFor } from '../traffic/others.ts';
import { chain, ms, quantile, Stage } from '../traffic/stage.ts';

const [silentOrigins, pathsPerOrigin] = [100, 5];
/** Of one origin more than it may have open; and answers that stop in their middle, over so many origins. */
const [crowd, originMax] = [1000, 128];
const [halves, halfOrigins] = [500, 10];
const half = { body: `"${'x'.repeat(2 ** 17)}"`, part: 2 ** 16 };

/**
 * `--runs`: of how many runs the first step is never answered, spread over 500 handlers of 100 origins; beside them
 * 1,000 of one origin, and 500 that get half an answer.
 */
export const r14: FaultRow = {
  id: 'R14',
  title: 'five hundred handlers never answer, five hundred answer by half, and a thousand runs want one',
  short: { seconds: 15, runs: 6000 },
  async run(context) {
    const start = (count: number) => Promise.all(Array.from({ length: count }, () => LoadHandlers.start()));
    const [silent, halved, crowded] = [await start(silentOrigins), await start(halfOrigins), await start(1)];
    try {
      return await Stage.play(context, { roles: ['serve'] }, (stage) =>
        play(stage, { silent, halved, crowded: crowded[0]! }),
      );
    } finally {
      await Promise.all([...silent, ...halved, ...crowded].map((handlers) => handlers.stop()));
    }
  },
};

interface Origins {
  readonly silent: readonly LoadHandlers[];
  readonly halved: readonly LoadHandlers[];
  readonly crowded: LoadHandlers;
}

async function play(stage: Stage, { silent, halved, crowded }: Origins): Promise<RowReport> {
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

  const startAll = async (count: number, keys: readonly string[]) => {
    for (let started = 0; started < count; started += 50) {
      await Promise.all(
        Array.from({ length: 50 }, (_, n) => client.start(keys[(started + n) % keys.length]!)),
      );
    }
  };
  let atCrowded = 0;
  crowded.on('/', () => {
    atCrowded = Math.max(atCrowded, crowded.held + 1);
    return null;
  });
  await client.put('crowd', chain('crowd', [`${crowded.url}/`]));
  for (const [n, each] of halved.entries()) {
    each.on('/', () => half);
    await client.put(`half-${n}`, chain(`half-${n}`, [`${each.url}/`]));
  }
  // Before the others take the places.
  await startAll(crowd, ['crowd']);
  await startAll(
    halves,
    halved.map((_, n) => `half-${n}`),
  );
  const halvesOpen = () => halved.reduce((sum, each) => sum + each.halves, 0);
  while (crowded.held < originMax || halvesOpen() < halves) await pause(100);
  await startAll(
    runs,
    names.map(({ key }) => key),
  );
  const held = () => silent.reduce((sum, each) => sum + each.held, 0);
  while (held() < Math.min(runs, 1000)) await pause(100);
  const memoryBefore = fleet.memoryMib();
  const beside = await othersFor(stage, handlers, seconds);
  const memoryAfter = fleet.memoryMib();
  const during = await stage.metrics('serve');
  const atOne = Math.max(...silent.map((each) => each.held));
  const halvesLeft = halvesOpen();
  note(`${held()} requests wait for an answer, ${atOne} at most at one origin`);

  const all = [...silent, ...halved, crowded];
  const requests = [handlers, ...all].flatMap((each) => each.requests);
  for (const each of silent) {
    for (let path = 0; path < pathsPerOrigin; path++) each.on(`/${path}`, () => ({}));
    each.release();
  }
  for (const each of [...halved, crowded]) {
    each.on('/', () => ({}));
    each.release();
  }
  stage.calm();
  const drainSeconds = await stage.drained(60);
  handlers.requests.push(...all.flatMap((each) => each.requests));
  const violations = await stage.violations(60_000);
  const [aloneP50, besideP50] = [quantile(alone, 0.5), quantile(beside, 0.5)];
  if (besideP50 > 3 * aloneP50 + 20)
    violations.push(`others took ${ms(besideP50)} instead of ${ms(aloneP50)}`);
  if (Math.max(atOne, atCrowded) > originMax)
    violations.push(`${Math.max(atOne, atCrowded)} requests were open to one origin`);
  if (halvesLeft < halves) violations.push(`${halvesLeft} of ${halves} half answers were still waited for`);
  if (memoryAfter > 1.25 * memoryBefore + 30) violations.push(`memory grew to ${memoryAfter} MiB`);
  return {
    figures: {
      'requests without an answer': during.get('waybill_exchanges_in_flight') ?? 0,
      'open at the origin that a thousand runs want': `${atCrowded} at most`,
      'half answers': `${halvesLeft}, ${during.get('waybill_answer_bytes_in_flight') ?? 0} bytes`,
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
