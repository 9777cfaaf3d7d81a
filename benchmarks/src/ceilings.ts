import type { Sql } from 'postgres';
import { Pool } from 'undici';

const body = JSON.stringify({ context: { orderId: 'order_123' }, previousSteps: {}, data: 'x'.repeat(200) });

/** POSTs a second of undici alone against the same handler server: no signature, no database. */
export async function undiciCeiling(handlerUrl: string, count: number): Promise<number> {
  const pool = new Pool(handlerUrl, { connections: 128, pipelining: 1 });
  const post = async () => {
    const headers = { 'content-type': 'application/json' };
    const response = await pool.request({ method: 'POST', path: '/step', headers, body });
    JSON.parse(await response.body.text());
  };
  const from = performance.now();
  let left = count;
  await Promise.all(
    Array.from({ length: 256 }, async () => {
      while (left-- > 0) await post();
    }),
  );
  await pool.close();
  return count / ((performance.now() - from) / 1000);
}

/** Rows a second of journal-like batches alone: 500 rows a commit, two connections, fsync on. */
export async function insertCeiling(sql: Sql, batches: number): Promise<number> {
  const rows = 500;
  await sql`create table bench_rows (run_id uuid, seq int, type text, data text, result text, primary key (run_id, seq))`;
  const from = performance.now();
  let next = 0;
  const lane = async () => {
    while (next++ < batches) {
      await sql.unsafe(`insert into bench_rows select gen_random_uuid(), n, 'step.completed', '{"attempt":1}',
        '${JSON.stringify({ ok: 1, data: 'x'.repeat(64) })}' from generate_series(1, ${rows}) n`);
    }
  };
  await Promise.all([lane(), lane()]);
  const seconds = (performance.now() - from) / 1000;
  await sql`drop table bench_rows`;
  return (batches * rows) / seconds;
}
