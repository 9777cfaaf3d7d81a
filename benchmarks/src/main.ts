/** `npm run bench`: throughput, latency, growth, and the ceilings of the same run. Numbers hold for this machine and hour. */
import postgres from 'postgres';
import { insertCeiling, undiciCeiling } from './ceilings.ts';
import { chainLatency, chainThroughput, hookLatency, putChain } from './chains.ts';
import { Client } from './client.ts';
import { startBench } from './processes.ts';
import type { Quantiles } from './quantiles.ts';
import { putWide, wideCostUs } from './wide.ts';

const runs = Number(process.env.BENCH_RUNS ?? 20_000);
const concurrency = Number(process.env.BENCH_CONCURRENCY ?? 256);

const line = (name: string, value: string) => console.log(`${name.padEnd(44)} ${value}`);
const whole = (value: number) => Math.round(value).toLocaleString('en-US');
const ms = ({ p50, p99 }: Quantiles) => `p50 ${p50.toFixed(2)} ms   p99 ${p99.toFixed(2)} ms`;

const bench = await startBench();
const sql = postgres(bench.postgres.url, { max: 2, onnotice: () => {} });
const client = new Client(bench.serve.url);
try {
  const [settings] =
    await sql`select current_setting('fsync') as fsync, current_setting('synchronous_commit') as sync`;
  line('fsync / synchronous_commit', `${settings!.fsync} / ${settings!.sync}`);

  await putChain(client, bench.handler.url);
  await chainThroughput(bench, client, sql, { runs: Math.ceil(runs / 10), concurrency }); // warm-up

  const latency = await chainLatency(client, 500);
  line('one chain of 5, request to onComplete', ms(await hookLatency(bench, client, 500)));
  line('one chain of 5, request to end seen by GET', ms(latency.chain));
  line('start of a run, idle', ms(latency.start));

  const load = await chainThroughput(bench, client, sql, { runs, concurrency });
  line(`chains of 5, ${concurrency} concurrent`, `${whole(load.stepsPerSecond)} steps/s`);
  line('start of a run, under that load', ms(load.start));
  line('rows written a step (runs + run_events)', load.rowsPerStep.toFixed(2));
  line('WAL bytes a step', whole(load.walBytesPerStep));
  line('commits a step (group commit)', load.commitsPerStep.toFixed(3));
  for (const [name, us] of Object.entries(load.cpu)) line(`CPU a step, ${name}`, `${us.toFixed(1)} µs`);

  const wide = [100, 10_000].map((steps) => ({ steps, runs: 10_000 / steps }));
  const costs: number[] = [];
  for (const { steps, runs: count } of wide) {
    const workflow = await putWide(client, bench.handler.url, steps);
    const samples: number[] = [];
    for (let i = 0; i < 3; i++) samples.push(await wideCostUs(client, workflow, steps, count));
    costs.push(Math.min(...samples));
    line(`${count} × ${whole(steps)} parallel steps, a step`, `${costs.at(-1)!.toFixed(1)} µs`);
  }
  line('10,000 in one run against 100 in each', `× ${(costs[1]! / costs[0]!).toFixed(2)}`);

  line('ceiling: undici alone', `${whole(await undiciCeiling(bench.handler.url, 100_000))} POSTs/s`);
  line('ceiling: batch insert alone', `${whole(await insertCeiling(sql, 600))} rows/s`);
} finally {
  await client.close();
  await sql.end();
  await bench.stop();
}
