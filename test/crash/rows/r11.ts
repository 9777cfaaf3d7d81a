import { randomUUID } from 'node:crypto';
import { migrate, openDatabase, PostgresDispatcherStore } from '@waybill/store';
import { connectDatabase, type TestSql } from '../../support/database.ts';
import { Cluster } from '../cluster.ts';
import type { FaultRow, RowContext, RowReport } from '../row.ts';
import { ms, quantile } from '../traffic/stage.ts';

const readyRuns = 10_000;
const claimRuns = 50;
const chunk = 100_000;

/** `--runs`: finished ones, and as many scheduled ones; the row is a million of each. */
export const r11: FaultRow = {
  id: 'R11',
  title: 'a million finished, a million scheduled, ten thousand ready runs',
  short: { seconds: 0, runs: 200_000 },
  async run(context) {
    const cluster = await Cluster.start();
    try {
      return await play(context, cluster.url);
    } finally {
      await cluster.remove();
    }
  },
};

async function play({ runs, note }: RowContext, url: string): Promise<RowReport> {
  const [empty, full] = await Promise.all([openQueue(url, 'empty_queue'), openQueue(url, 'full_queue')]);
  try {
    await finish(full.sql, runs);
    note(`${runs} finished runs are there`);
    await schedule(full.sql, runs);
    note(`${runs} scheduled runs are there`);
    for (const { sql } of [empty, full]) {
      await addReady(sql);
      await sql`vacuum analyze`;
    }
    // Turn about, so that whatever else this machine does befalls both alike; the first ones are to get warm.
    const took = { empty: [] as number[], full: [] as number[] };
    for (let n = 0; n < readyRuns / claimRuns; n++) {
      for (const name of n % 2 ? (['empty', 'full'] as const) : (['full', 'empty'] as const)) {
        const one = await claimOnce(name === 'empty' ? empty : full);
        if (n >= 10) took[name].push(one);
      }
    }
    const violations: string[] = [];
    for (const { sql } of [empty, full]) {
      const [row] = await sql<{ free: number }[]>`
        select count(*)::int as free from run_queue where owner is null and ready_at <= now()`;
      if (row!.free !== 0) violations.push(`${row!.free} ready runs were not claimed`);
    }
    const [emptyP50, fullP50] = [quantile(took.empty, 0.5), quantile(took.full, 0.5)];
    const ratio = fullP50 / emptyP50;
    if (ratio > 1.2) violations.push(`a claim takes ${(100 * ratio - 100).toFixed(0)} % longer`);
    return {
      figures: {
        [`a claim of ${claimRuns}, nothing else there`]: `p50 ${ms(emptyP50)}, p90 ${ms(quantile(took.empty, 0.9))}`,
        [`a claim of ${claimRuns}, beside all of them`]: `p50 ${ms(fullP50)}, p90 ${ms(quantile(took.full, 0.9))}`,
        ratio: ratio.toFixed(2),
      },
      violations,
    };
  } finally {
    await Promise.all([empty.close(), full.close()]);
  }
}

interface Queue {
  readonly sql: TestSql;
  readonly store: PostgresDispatcherStore;
  readonly me: string;
  close(): Promise<void>;
}

/** A database of its own on the server, and a dispatcher that claims there. */
async function openQueue(serverUrl: string, name: string): Promise<Queue> {
  const server = connectDatabase(serverUrl);
  await server.unsafe(`create database ${name}`);
  await server.end();
  const databaseUrl = serverUrl.replace(/\/[^/]*$/, `/${name}`);
  await migrate({ databaseUrl });
  const database = await openDatabase(databaseUrl, { name });
  // Only claims are asked of it: no plan is looked for.
  const plans = undefined as never;
  const store = new PostgresDispatcherStore({ databaseUrl, database, plans, retentionDays: 30 });
  const me = randomUUID();
  const lease = store.openLease({ uuid: me, host: 'test', pid: process.pid });
  await lease.register();
  const beats = setInterval(() => void lease.heartbeat().catch(() => {}), 5000);
  const sql = connectDatabase(databaseUrl);
  const close = async () => {
    clearInterval(beats);
    await Promise.all([lease.close(), sql.end(), database.end()]);
  };
  return { sql, store, me, close };
}

async function claimOnce({ store, me }: Queue): Promise<number> {
  const startedAt = performance.now();
  const claimed = await store.claimRuns(me, { runs: claimRuns, bytes: 2 ** 30, suspect: true });
  if (claimed.length !== claimRuns) throw new Error(`a claim gave ${claimed.length} runs`);
  return performance.now() - startedAt;
}

/** UUIDv7s of now and the hours before, and the projects that they are of: a hundred. */
const idSql = (
  n: string,
) => `(select substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-7' || substr(m, 1, 3) || '-8' || substr(m, 4, 3)
  || '-' || substr(m, 7, 12) from (select lpad(to_hex((extract(epoch from now()) * 1000)::bigint - ${n}), 12, '0') as h,
  md5(${n}::text || random()::text) as m) t)::uuid`;
const projectSql = (n: string) => `md5((${n} % 100)::text)::uuid`;

async function finish(sql: TestSql, runs: number): Promise<void> {
  for (let from = 1; from <= runs; from += chunk) {
    await sql.unsafe(`with made as (select ${idSql('n')} as id, n from generate_series(${from}, ${Math.min(runs, from + chunk - 1)}) n),
      events as (insert into run_events (run_id, seq, type, at_ms) select id, 1, 'run.created', 1 from made)
      insert into runs (id, project_id, workflow_key, version, state, context, tags, created_at_ms, finished_at_ms)
      select id, ${projectSql('n')}, 'w', 1, 'completed', '{}', '{}', 1, 2 from made`);
  }
}

async function schedule(sql: TestSql, runs: number): Promise<void> {
  for (let from = 1; from <= runs; from += chunk) {
    await sql.unsafe(`insert into run_queue (run_id, project_id, ready_at, bytes)
      select ${idSql('n')}, ${projectSql('n')}, now() + interval '1 day' + n * interval '1 s', 2000
        from generate_series(${from}, ${Math.min(runs, from + chunk - 1)}) n`);
  }
}

async function addReady(sql: TestSql): Promise<void> {
  await sql.unsafe(`insert into run_queue (run_id, project_id, ready_at, bytes)
    select ${idSql('n')}, ${projectSql('n')}, now() - n * interval '1 ms', 2000 from generate_series(1, ${readyRuns}) n`);
}
