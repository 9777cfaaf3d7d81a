import type { Sql } from 'postgres';
import type { Client } from './client.ts';
import { type Bench, cpuUs } from './processes.ts';
import { type Quantiles, quantiles } from './quantiles.ts';

export const chainLength = 5;
const context = { orderId: 'order_123', userId: 'user_456', items: [{ sku: 'SKU001', quantity: 2 }] };

export async function putChain(client: Client, handlerUrl: string): Promise<void> {
  const steps = Array.from({ length: chainLength }, (_, index) => ({
    id: `s${index + 1}`,
    url: `${handlerUrl}/${index + 1 === chainLength ? 'last' : 'step'}`,
    dependsOn: index === 0 ? [] : [`s${index}`],
  }));
  const onComplete = `${handlerUrl}/hook`;
  await client.put({ id: 'chain', steps } as { id: string });
  await client.put({ id: 'chain-with-hook', steps, onComplete } as { id: string });
}

/** One chain at a time, from the request to the terminal state as the API answers it. */
export async function chainLatency(
  client: Client,
  count: number,
): Promise<{ chain: Quantiles; start: Quantiles }> {
  const chain: number[] = [];
  const start: number[] = [];
  for (let i = 0; i < count; i++) {
    const from = performance.now();
    const { id } = await client.start('chain', context);
    start.push(performance.now() - from);
    const { state } = await client.wait(id);
    chain.push(performance.now() - from);
    if (state !== 'completed') throw new Error(`run ${id} is ${state}`);
  }
  return { chain: quantiles(chain), start: quantiles(start) };
}

/** One chain at a time, from the request to the arrival of its onComplete: sent when the end is durable. */
export async function hookLatency(bench: Bench, client: Client, count: number): Promise<Quantiles> {
  const latencies: number[] = [];
  for (let i = 0; i < count; i++) {
    const hook = new Promise<number>((resolve) => {
      bench.handler.onHook = resolve;
    });
    const from = performance.timeOrigin + performance.now();
    await client.start('chain-with-hook', context);
    latencies.push((await hook) - from);
  }
  return quantiles(latencies);
}

export interface Throughput {
  readonly stepsPerSecond: number;
  readonly start: Quantiles;
  readonly rowsPerStep: number;
  readonly walBytesPerStep: number;
  readonly commitsPerStep: number;
  /** µs of CPU a step, by process. */
  readonly cpu: Readonly<Record<string, number>>;
}

/** `concurrency` runs at any time, started through the API; the next starts when one got its last step. */
export async function chainThroughput(
  bench: Bench,
  client: Client,
  sql: Sql,
  { runs, concurrency }: { runs: number; concurrency: number },
): Promise<Throughput> {
  const pids = {
    serve: bench.serve.pid,
    postgres: bench.postgres.pid,
    handler: bench.handler.pid,
    driver: process.pid,
  };
  const cpuBefore = Object.entries(pids).map(
    ([name, pid]) => [name, cpuUs(pid, name === 'postgres')] as const,
  );
  const writtenBefore = await written(sql);
  const from = performance.now();
  const start = await closedLoop(bench, client, { runs, concurrency });
  await allCompleted(sql, runs);
  const seconds = (performance.now() - from) / 1000;
  const steps = runs * chainLength;
  const after = await written(sql);
  return {
    stepsPerSecond: steps / seconds,
    start: quantiles(start),
    rowsPerStep: (after.rows - writtenBefore.rows) / steps,
    walBytesPerStep: (after.walBytes - writtenBefore.walBytes) / steps,
    commitsPerStep: (after.commits - writtenBefore.commits) / steps,
    cpu: Object.fromEntries(
      cpuBefore.map(([name, before]) => [
        name,
        (cpuUs(pids[name as keyof typeof pids], name === 'postgres') - before) / steps,
      ]),
    ),
  };
}

async function closedLoop(
  bench: Bench,
  client: Client,
  { runs, concurrency }: { runs: number; concurrency: number },
): Promise<number[]> {
  const latencies: number[] = [];
  let started = 0;
  let ended = 0;
  await new Promise<void>((resolve, reject) => {
    const startOne = () => {
      if (started === runs) return;
      started++;
      const from = performance.now();
      client.start('chain', context).then(() => latencies.push(performance.now() - from), reject);
    };
    bench.handler.onEnded = (ids) => {
      ended += ids.length;
      for (let i = 0; i < ids.length; i++) startOne();
      if (ended >= runs) resolve();
    };
    for (let i = 0; i < concurrency; i++) startOne();
  });
  return latencies;
}

/** The last results may still be on their way to the journal. */
async function allCompleted(sql: Sql, runs: number): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const [row] = await sql<{ open: number }[]>`select count(*)::int as open from run_queue`;
    if (row!.open === 0) break;
    if (performance.now() > deadline) throw new Error(`${row!.open} of ${runs} runs did not end`);
  }
  const [bad] = await sql<{ n: number }[]>`select count(*)::int as n from runs where state <> 'completed'`;
  if (bad!.n > 0) throw new Error(`${bad!.n} runs did not complete`);
}

async function written(sql: Sql): Promise<{ rows: number; walBytes: number; commits: number }> {
  const [rows] = await sql<{ n: number }[]>`
    select (select count(*) from run_events)::int + (select count(*) from runs)::int as n`;
  const [wal] = await sql<{ n: number }[]>`select (pg_current_wal_lsn() - '0/0')::float8 as n`;
  const [commits] = await sql<{ n: number }[]>`
    select xact_commit::int as n from pg_stat_database where datname = current_database()`;
  return { rows: rows!.n, walBytes: wal!.n, commits: commits!.n };
}
