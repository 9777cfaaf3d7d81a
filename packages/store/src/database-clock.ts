import type { Sql } from './connect.ts';

/** The database's clock in epoch ms. */
export async function databaseNowMs(sql: Sql): Promise<number> {
  const [row] = await sql<{ now: number }[]>`
    select (extract(epoch from clock_timestamp()) * 1000)::bigint as now`;
  return row!.now;
}
