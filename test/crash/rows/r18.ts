import { pause } from '../caller.ts';
import type { FaultRow, RowReport } from '../row.ts';
import { oneOther, othersFor } from '../traffic/others.ts';
import { chain, ms, quantile, Stage } from '../traffic/stage.ts';

const times = 5;
/** Of the overload: each of them rests when it is told to come again later. */
const clients = 500;
const openMax = 2000;
const concurrency = 256;

interface Overload {
  /** Starts that the clients had to make, and those that they came to make. */
  readonly due: number;
  readonly offered: number;
}

/** `--seconds`: how long the overload lasts. */
export const r18: FaultRow = {
  id: 'R18',
  title: 'five times the capacity',
  short: { seconds: 30, runs: 0 },
  run: (context) => Stage.play(context, { roles: ['serve'] }, (stage) => play(stage)),
};

async function play(stage: Stage): Promise<RowReport> {
  const { client, handlers, fleet, context } = stage;
  const { seconds, note } = context;
  await client.put('load', chain('load', ['/load/1', '/load/2', '/load/last']));
  await client.put('other', chain('other', ['/ok', '/ok']));
  const ends: number[] = [];
  let onEnd = () => {};
  handlers.on('/load/last', () => {
    ends.push(performance.now());
    onEnd();
    return {};
  });
  const normal = quantile(await othersFor(stage, handlers, 3), 0.5);
  const listen = (listener: () => void) => {
    onEnd = listener;
  };
  const peakBefore = await peakOf(stage, ends, 8, listen);
  note(`at its peak ${peakBefore.toFixed(0)} runs end in a second; now ${times} times as many are started`);
  await stage.drained(30);
  const refusedBefore = refusals(stage);
  const from = performance.now();
  const memoryBefore = fleet.memoryMib();
  const { due, offered } = await overload(stage, peakBefore * times, seconds);
  const until = performance.now();
  const goodput = rateOf(ends, from + 2000, until);
  const [refused, memory] = [refusals(stage) - refusedBefore, fleet.memoryMib()];
  stage.calm();
  note(`${offered} starts offered, ${refused} refused; ${await stage.runsLeft()} runs are left`);
  const backlog = await stage.runsLeft();
  const normalAfter = await normalAgain(stage, normal);
  const drainSeconds = await stage.drained(60);
  // Whatever else this machine does comes and goes: the better of two is what it can do.
  const peak = Math.max(peakBefore, await peakOf(stage, ends, 8, listen));
  await stage.drained(30);

  const violations = await stage.violations(90_000);
  const ratio = goodput / peak;
  if (ratio < 0.8) violations.push(`goodput fell to ${(100 * ratio).toFixed(0)} % of the peak`);
  if (refused === 0) violations.push('nothing was refused');
  if (normalAfter > 30) violations.push(`it took ${normalAfter.toFixed(1)} s until all was normal again`);
  const metrics = await stage.metrics('serve');
  const codes = [...metrics].filter(([name]) => name.startsWith('waybill_requests_refused_total'));
  return {
    figures: {
      'peak, runs a second': `${peakBefore.toFixed(0)} before, ${peak.toFixed(0)} at best`,
      'starts to make, and made, a second': `${(due / seconds).toFixed(0)}, ${(offered / seconds).toFixed(0)} (${(offered / seconds / peakBefore).toFixed(1)} times the peak)`,
      'goodput, runs a second': `${goodput.toFixed(0)} (${(100 * ratio).toFixed(0)} % of the peak)`,
      'starts refused': `${refused} (${codes.map(([name, n]) => `${/"(.*)"/.exec(name)![1]} ${n}`).join(', ')})`,
      'runs left when it ended': backlog,
      memory: `${memoryBefore} MiB before, ${memory} MiB at its end`,
      'a run of others, normally': ms(normal),
      'normal again after': `${normalAfter.toFixed(1)} s`,
      'all over after': `${(normalAfter + drainSeconds).toFixed(1)} s`,
    },
    violations,
  };
}

/** Runs that end in a second when as many are under way as help. */
async function peakOf(
  { client }: Stage,
  ends: readonly number[],
  seconds: number,
  listen: (listener: () => void) => void,
): Promise<number> {
  const from = performance.now();
  const until = from + seconds * 1000;
  const next = () => {
    if (performance.now() < until) client.start('load').catch(() => {});
  };
  listen(next);
  for (let n = 0; n < concurrency; n++) next();
  await pause(seconds * 1000);
  listen(() => {});
  return rateOf(ends, from + 2000, until);
}

/**
 * Starts come whether or not the ones before were answered, but a client that was refused comes again when it was
 * told to. Answers how many came.
 */
async function overload({ client }: Stage, perSecond: number, seconds: number): Promise<Overload> {
  const from = performance.now();
  const restsUntil = new Array<number>(clients).fill(0);
  let [due, offered, open] = [0, 0, 0];
  const start = async (index: number) => {
    offered++;
    open++;
    const { retryAfterSeconds } = await client.start('load').finally(() => open--);
    if (retryAfterSeconds !== null) restsUntil[index] = performance.now() + retryAfterSeconds * 1000;
  };
  for (; performance.now() - from < seconds * 1000; await pause(5)) {
    for (const until = ((performance.now() - from) / 1000) * perSecond; due < until; due++) {
      const index = due % clients;
      if (restsUntil[index]! < performance.now() && open < openMax) start(index).catch(() => {});
    }
  }
  while (open > 0) await pause(20);
  return { due, offered };
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

function rateOf(at: readonly number[], from: number, until: number): number {
  return at.filter((each) => each >= from && each < until).length / ((until - from) / 1000);
}

function refusals({ client }: Stage): number {
  return (client.statuses.get(429) ?? 0) + (client.statuses.get(503) ?? 0);
}
