import { pause } from '../caller.ts';
import { CoreHalves } from '../cores.ts';
import { type FaultRow, prefixed, type RowReport } from '../row.ts';
import { oneOther, othersFor } from '../traffic/others.ts';
import { chain, ms, quantile, Stage } from '../traffic/stage.ts';

const times = 5;
/** Of a run: as many as make a start little beside the rest of it, as in most workflows. */
const steps = 10;
const clients = 500;
/** Starts without an answer. */
const openMax = 4000;
const concurrency = 256;
/** Shorter, it would be what the machine can do in a good moment. */
const peakSeconds = 20;

/**
 * What must be left of the peak: by clients that wait, and by clients that do not. Of these, each request is read and
 * answered by the core that all else is done on: at four refusals a run, that alone takes a fifth of it.
 */
const politeShareMin = 0.8;
const rudeShareMin = 0.5;
/** Of the first peak, what the later ones must have: an overload leaves nothing behind. */
const lastingShareMin = 0.7;

/**
 * `--seconds`: how long the overload lasts by clients that come again when they were told to, and then as long by
 * clients that do not wait. Server and database have one half of the cores, handlers and clients the other: else it
 * would be the clients' work that takes the goodput away.
 */
export const r18: FaultRow = {
  id: 'R18',
  title:
    'five times the capacity, by clients that come again when they were told to, and by some that do not',
  short: { seconds: 30, runs: 0 },
  run: async (context) => {
    const halves = CoreHalves.ofThisProcess();
    halves.enter('first');
    try {
      return await Stage.play(context, { roles: ['serve'] }, (stage) => {
        halves.enter('second');
        return play(stage);
      });
    } finally {
      halves.leave();
    }
  },
};

async function play(stage: Stage): Promise<RowReport> {
  const { client, handlers, context } = stage;
  const { seconds, note } = context;
  const urls = Array.from({ length: steps }, (_, index) =>
    index === steps - 1 ? '/load/last' : '/load/next',
  );
  await client.put('load', chain('load', urls));
  await client.put('other', chain('other', ['/ok', '/ok']));
  const load = new Ends(stage);
  const normal = quantile(await othersFor(stage, handlers, 3), 0.5);
  // The first is to warm up: of a process that has just begun, half of the code is not compiled yet.
  await load.peak(10);
  const before = await load.peak(peakSeconds);
  note(`at its peak ${before.toFixed(0)} runs end in a second; now ${times} times as many are to be started`);
  await stage.drained(30);
  const polite = await overload(stage, load, { perSecond: before * times, seconds, rests: true, normal });
  const between = await load.peak(peakSeconds);
  await stage.drained(30);
  const rude = await overload(stage, load, { perSecond: between * times, seconds, rests: false, normal });
  const after = await load.peak(peakSeconds);
  await stage.drained(30);

  const violations = await stage.violations(120_000);
  // Whatever else this machine does comes and goes: a part is held to what could be done before it and behind it.
  const parts = [
    { by: 'clients that wait', part: polite, peak: (before + between) / 2, shareMin: politeShareMin },
    { by: 'clients that do not', part: rude, peak: (between + after) / 2, shareMin: rudeShareMin },
  ];
  for (const { by, part, peak, shareMin } of parts) {
    const { goodput, refused, normalAfter } = part;
    const violated = (what: string) => violations.push(`${by}: ${what}`);
    if (goodput < shareMin * peak) violated(`goodput fell to ${percent(goodput / peak)} of the peak`);
    if (refused === 0) violated('nothing was refused');
    if (normalAfter > 30) violated(`it took ${normalAfter.toFixed(1)} s until all was normal again`);
  }
  for (const [when, peak] of Object.entries({ between, after }))
    if (peak < lastingShareMin * before)
      violations.push(`the peak ${when} was only ${percent(peak / before)} of what it had been`);
  if (rude.offered < 0.9 * between * times)
    violations.push(`could not be judged: clients made only ${rude.offered.toFixed(0)} starts a second`);
  const [politeFigures, rudeFigures] = parts.map(({ by, part, peak }) =>
    prefixed(`${by}: `, figuresOf(part, peak)),
  );
  return {
    figures: {
      'peak, runs a second': `${before.toFixed(0)} before, ${between.toFixed(0)} between, ${after.toFixed(0)} behind`,
      'a run of others, normally': ms(normal),
      ...politeFigures,
      ...rudeFigures,
    },
    violations,
  };
}

function figuresOf({ offered, refused, goodput, left, memory, normalAfter }: Overload, peak: number) {
  return {
    'starts made, a second': `${offered.toFixed(0)} (${(offered / peak).toFixed(1)} times the peak)`,
    'starts refused': refused,
    'goodput, runs a second': `${goodput.toFixed(0)} (${percent(goodput / peak)} of the peak)`,
    'runs left when it ended': left,
    memory: `${memory[0]} MiB before, ${memory[1]} MiB at its end`,
    'normal again after': `${normalAfter.toFixed(1)} s`,
  };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

/** What became of one overload. */
interface Overload {
  /** Starts that clients came to make, a second. */
  readonly offered: number;
  readonly refused: number;
  /** Runs that ended, a second. */
  readonly goodput: number;
  readonly left: number;
  /** MiB before, and at its end. */
  readonly memory: readonly [number, number];
  /** Seconds. */
  readonly normalAfter: number;
}

interface Demand {
  readonly perSecond: number;
  readonly seconds: number;
  /** Whether clients come again when they were told to, or at once. */
  readonly rests: boolean;
  /** What a run of others takes without it, in ms. */
  readonly normal: number;
}

async function overload(stage: Stage, load: Ends, demand: Demand): Promise<Overload> {
  const { fleet, context } = stage;
  const refusedBefore = refusals(stage);
  const memoryBefore = fleet.memoryMib();
  const from = performance.now();
  const offered = await offer(stage, demand);
  const goodput = load.rate(from + 2000, from + demand.seconds * 1000);
  const [refused, memory, left] = [
    refusals(stage) - refusedBefore,
    fleet.memoryMib(),
    await stage.runsLeft(),
  ];
  context.note(`${offered} starts made, ${refused} refused; ${left} runs are left`);
  stage.calm();
  const normalAfter = await normalAgain(stage, demand.normal);
  await stage.drained(60);
  return {
    ...{ offered: offered / demand.seconds, refused, goodput, left, normalAfter },
    memory: [memoryBefore, memory],
  };
}

/** Starts come whether or not the ones before were answered. Answers how many were made. */
async function offer({ client }: Stage, { perSecond, seconds, rests }: Demand): Promise<number> {
  const from = performance.now();
  const restsUntil = new Array<number>(clients).fill(0);
  let [due, offered, open] = [0, 0, 0];
  const start = async (index: number) => {
    offered++;
    open++;
    const { retryAfterSeconds } = await client.start('load').finally(() => open--);
    if (rests && retryAfterSeconds !== null) restsUntil[index] = performance.now() + retryAfterSeconds * 1000;
  };
  for (; performance.now() - from < seconds * 1000; await pause(5)) {
    for (const until = ((performance.now() - from) / 1000) * perSecond; due < until; due++) {
      const index = due % clients;
      if (restsUntil[index]! < performance.now() && open < openMax) start(index).catch(() => {});
    }
  }
  while (open > 0) await pause(20);
  return offered;
}

/** When runs of `load` end, and how many can in a second. */
class Ends {
  readonly #client: Stage['client'];
  readonly #at: number[] = [];
  #onEnd = () => {};

  constructor({ client, handlers }: Stage) {
    this.#client = client;
    handlers.on('/load/last', () => {
      this.#at.push(performance.now());
      this.#onEnd();
      return {};
    });
  }

  rate(from: number, until: number): number {
    return this.#at.filter((at) => at >= from && at < until).length / ((until - from) / 1000);
  }

  /** When as many are under way as help. */
  async peak(seconds: number): Promise<number> {
    const from = performance.now();
    const until = from + seconds * 1000;
    this.#onEnd = () => {
      if (performance.now() < until) this.#client.start('load').catch(() => {});
    };
    for (let n = 0; n < concurrency; n++) this.#onEnd();
    await pause(seconds * 1000);
    this.#onEnd = () => {};
    return this.rate(from + 2000, until);
  }
}

/** Seconds until three runs in a row take about as long as they normally do. */
async function normalAgain(stage: Stage, normal: number): Promise<number> {
  const from = performance.now();
  for (let row = 0; row < 3 && performance.now() - from < 60_000; ) {
    const took = await oneOther(stage, stage.handlers);
    row = took !== null && took < 3 * normal + 30 ? row + 1 : 0;
    await pause(100);
  }
  return (performance.now() - from) / 1000;
}

function refusals({ client }: Stage): number {
  return (client.statuses.get(429) ?? 0) + (client.statuses.get(503) ?? 0);
}
