import { connectDatabase } from '../../support/database.ts';
import { pause } from '../caller.ts';
import type { FaultRow, RowReport } from '../row.ts';
import { chain, ms, Stage } from '../traffic/stage.ts';

/** Starts a second: a load that the machine bears easily, so that what is seen is the snapshot's doing. */
const startsPerSecond = 100;
/** Each so many-th run waits for a signal, which goes through the inbox. */
const signalledEvery = 5;
/** Claims show how they were over the last minute. */
const claimWindowSeconds = 60;

/** `--seconds`: how long the transaction lasts; the row is ten minutes. */
export const r10: FaultRow = {
  id: 'R10',
  title: 'a long REPEATABLE READ transaction at steady load',
  short: { seconds: 60, runs: 0 },
  // Apart, so that every run goes through the queue.
  run: (context) => Stage.play(context, { roles: ['api', 'dispatch'] }, (stage) => play(stage)),
};

async function play(stage: Stage): Promise<RowReport> {
  const { client, handlers, context, cluster } = stage;
  const { seconds, note } = context;
  await client.put('steady', chain('steady', ['/1', '/2', '/last']));
  const wait = { id: 'wait', waitFor: 'go' };
  await client.put('signalled', {
    id: 'signalled',
    steps: [wait, { id: 'end', url: '/last', dependsOn: 'wait' }],
  });
  const ends: number[] = [];
  handlers.on('/last', () => {
    ends.push(performance.now());
    return {};
  });
  let isWanted = true;
  const load = steady(stage, () => isWanted);
  const before = await watch(stage, ends, claimWindowSeconds);
  note(`before: ${before.perSecond.toFixed(1)} runs a second, claims p99 ${ms(before.claimP99Ms)}`);

  const old = connectDatabase(cluster.url);
  const reserved = await old.reserve();
  await reserved.unsafe('begin isolation level repeatable read');
  await reserved.unsafe('select count(*) from run_queue');
  note('a transaction holds a snapshot of now');
  const during = await watch(stage, ends, seconds);
  const [dead] = await stage.sql<{ dead: number }[]>`
    select sum(n_dead_tup)::int as dead from pg_stat_user_tables where relname in ('run_queue', 'inbox')`;
  await reserved.unsafe('rollback');
  reserved.release();
  await old.end();

  isWanted = false;
  await load;
  stage.calm();
  await stage.drained(30);
  const violations = await stage.violations();
  const throughput = during.perSecond / before.perSecond;
  // Not the other way round: what could not be measured is no success.
  if (!(throughput >= 0.9)) violations.push(`throughput fell to ${(100 * throughput).toFixed(0)} %`);
  if (!(during.claimP99Ms <= 3 * before.claimP99Ms)) {
    violations.push(`claims took ${ms(during.claimP99Ms)} instead of ${ms(before.claimP99Ms)} (p99)`);
  }
  return {
    figures: {
      'runs a second, before and during': `${before.perSecond.toFixed(1)}, ${during.perSecond.toFixed(1)} (${(100 * throughput).toFixed(0)} %)`,
      'claims p50, before and in its last minute': `${ms(before.claimP50Ms)}, ${ms(during.claimP50Ms)}`,
      'claims p99, before and in its last minute': `${ms(before.claimP99Ms)}, ${ms(during.claimP99Ms)} (× ${(during.claimP99Ms / before.claimP99Ms).toFixed(2)})`,
      'rows of queue and inbox that could not be vacuumed': dead!.dead,
    },
    violations,
  };
}

/** Starts at an even pace. */
async function steady(stage: Stage, isWanted: () => boolean): Promise<void> {
  const open = new Set<Promise<unknown>>();
  const from = performance.now();
  for (let started = 0; isWanted(); await pause(5)) {
    for (; started < ((performance.now() - from) / 1000) * startsPerSecond; started++) {
      const start = one(stage, started % signalledEvery === 0).catch(() => {});
      open.add(start);
      void start.finally(() => open.delete(start));
    }
  }
  await Promise.all(open);
}

async function one({ client }: Stage, isSignalled: boolean): Promise<void> {
  const { body } = await client.start(isSignalled ? 'signalled' : 'steady');
  if (isSignalled) await client.call('POST', `/v1/runs/${body.id}/signals/go`, {});
}

interface Seen {
  readonly perSecond: number;
  readonly claimP50Ms: number;
  readonly claimP99Ms: number;
}

async function watch(stage: Stage, ends: readonly number[], seconds: number): Promise<Seen> {
  const from = ends.length;
  const startedAt = performance.now();
  await pause(seconds * 1000);
  const perSecond = (ends.length - from) / ((performance.now() - startedAt) / 1000);
  const metrics = await stage.metrics('dispatch');
  const claims = (share: string) =>
    1000 * metrics.get(`waybill_claim_duration_seconds{quantile="${share}"}`)!;
  return { perSecond, claimP50Ms: claims('0.5'), claimP99Ms: claims('0.99') };
}
