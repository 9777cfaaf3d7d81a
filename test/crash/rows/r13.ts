import { pause } from '../caller.ts';
import type { FaultRow, RowReport } from '../row.ts';
import { othersFor } from '../traffic/others.ts';
import { chain, ms, quantile, Stage } from '../traffic/stage.ts';

/** With the time that the endpoint is away, enough attempts for what circuits hold back no attempt from. */
const retries = { maxAttempts: 20, backoff: 'exponential', initialDelay: 1, maxDelay: 8 };

/** Fewer failures than open a circuit, which would spread what comes after: only jitter does here. */
const shaken = 15;
const firstDelayMs = 2000;
/** Jitter is a fifth either way; so many even draws of it are closer together than this once in a million times. */
const spreadMsMin = 0.15 * firstDelayMs;

/** `--seconds`: how long the endpoint answers 503; `--runs`: how many runs meet it. */
export const r13: FaultRow = {
  id: 'R13',
  title: 'an endpoint answers 503 to a thousand runs',
  short: { seconds: 20, runs: 1000 },
  run: (context) => Stage.play(context, { roles: ['serve'] }, (stage) => play(stage)),
};

async function play(stage: Stage): Promise<RowReport> {
  const { client, handlers, context } = stage;
  const { seconds, runs, note } = context;
  let isAway = true;
  const refused: number[] = [];
  handlers.on('/away', () => {
    if (!isAway) return {};
    refused.push(performance.now());
    return { status: 503 };
  });
  const delays = await firstRetries(stage);
  note(`the first retries came ${ms(Math.min(...delays))} to ${ms(Math.max(...delays))} after the failure`);
  await client.put('away', chain('away', ['/away', '/ok'], { defaults: { retries } }));
  await client.put('other', chain('other', ['/ok', '/ok']));
  const alone = await othersFor(stage, stage.handlers, 3);
  note(`alone, a run of others takes ${ms(quantile(alone, 0.5))}`);

  const awayFrom = performance.now();
  for (let started = 0; started < runs; started += 50) {
    await Promise.all(Array.from({ length: 50 }, () => client.start('away')));
  }
  const beside = await othersFor(stage, stage.handlers, seconds - (performance.now() - awayFrom) / 1000);
  const during = await stage.metrics('serve');
  isAway = false;
  stage.calm();
  note(`${refused.length} attempts were refused; the endpoint answers again`);
  const drainSeconds = await stage.drained(90);
  const after = await stage.metrics('serve');

  const violations = await stage.violations(90_000);
  const [aloneP50, besideP50] = [quantile(alone, 0.5), quantile(beside, 0.5)];
  const busiest = busiestSecond(refused.filter((at) => at > awayFrom + 5000));
  const spreadMs = Math.max(...delays) - Math.min(...delays);
  if (spreadMs < spreadMsMin) violations.push(`the first retries came within ${ms(spreadMs)}`);
  if (Math.min(...delays) < 0.75 * firstDelayMs) violations.push('a retry came before its time');
  if (!(during.get('waybill_circuits_open')! >= 1)) violations.push('the circuit did not open');
  if (after.get('waybill_circuits_open') !== 0) violations.push('the circuit did not close again');
  if (besideP50 > 5 * aloneP50 + 50)
    violations.push(`others took ${ms(besideP50)} instead of ${ms(aloneP50)}`);
  // Without circuits each run would have been refused at 0, 1, 3, 7, 15 s and so on, all of them within 40 %.
  if (busiest > runs / 4) violations.push(`${busiest} attempts came within one second`);
  return {
    figures: {
      'first retries, after 2 s': `within ${ms(spreadMs)}, of ${delays.length} runs`,
      'attempts refused': refused.length,
      'attempts refused a run': (refused.length / runs).toFixed(2),
      'attempts in the busiest second, after 5 s': busiest,
      'attempts held back': after.get('waybill_attempts_held_back_total') ?? 0,
      'a run of others, alone': `p50 ${ms(aloneP50)}`,
      'a run of others, beside it': `p50 ${ms(besideP50)}, of ${beside.length}`,
      'all over after it answered again': `${drainSeconds.toFixed(1)} s`,
    },
    violations,
  };
}

/** Runs that fail once, all at a time: how long after that each was tried again, in ms. */
async function firstRetries({ client, handlers }: Stage): Promise<number[]> {
  const failedAt = new Map<string, number>();
  const delays: number[] = [];
  handlers.on('/shaken', ({ runId }) => {
    const before = failedAt.get(runId);
    if (before !== undefined) delays.push(performance.now() - before);
    else failedAt.set(runId, performance.now());
    return before === undefined ? { status: 503 } : {};
  });
  const once = { maxAttempts: 3, backoff: 'fixed', initialDelay: firstDelayMs / 1000 };
  await client.put('shaken', chain('shaken', ['/shaken'], { defaults: { retries: once } }));
  await Promise.all(Array.from({ length: shaken }, () => client.start('shaken')));
  for (const until = performance.now() + 10_000; delays.length < shaken && performance.now() < until; )
    await pause(20);
  return delays;
}

function busiestSecond(times: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const at of times) counts.set(Math.floor(at / 1000), (counts.get(Math.floor(at / 1000)) ?? 0) + 1);
  return Math.max(0, ...counts.values());
}
