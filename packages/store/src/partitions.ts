import type { Sql } from './connect.ts';
import { databaseNowMs } from './database-clock.ts';

const dayMs = 86_400_000;

/** How far ahead partitions exist, so that a fleet without housekeeping for two weeks still accepts runs. */
const aheadDays = 14;
/** Planning costs grow with partitions; 60 in all is the bound of design.md. */
const partitionsMax = 60;

/** Days of ids in one partition: as narrow as retention allows with at most 60 partitions. */
export function partitionWidthDays(retentionDays: number): number {
  return Math.max(1, Math.ceil((retentionDays + aheadDays) / (partitionsMax - 4)));
}

/**
 * Makes sure that ids minted from a day ago to two weeks ahead have a partition. A change of width
 * only affects new partitions: each starts where the newest ends.
 */
export async function ensurePartitions(
  sql: Sql,
  retentionDays: number,
  /** Runs a message while nobody else makes partitions. */
  alone: (message: string) => Promise<unknown> = (message) => sql.unsafe(message),
): Promise<void> {
  const nowMs = await databaseNowMs(sql);
  const widthMs = partitionWidthDays(retentionDays) * dayMs;
  const untilMs = nowMs + aheadDays * dayMs;
  const newest = await newestBound(sql);
  let fromMs = newest ?? Math.floor((nowMs - dayMs) / dayMs) * dayMs;
  for (; fromMs < untilMs; fromMs += widthMs) {
    await alone(['runs', 'run_events'].map((table) => partitionSql(table, fromMs, widthMs)).join(';'));
  }
}

function partitionSql(table: string, fromMs: number, widthMs: number): string {
  const name = `${table}_${new Date(fromMs).toISOString().slice(0, 10).replaceAll('-', '')}`;
  return `create table if not exists ${name} partition of ${table}
    for values from ('${lowestUuid(fromMs)}') to ('${lowestUuid(fromMs + widthMs)}')`;
}

/** The least UUIDv7 of a millisecond, version and variant bits left zero. */
export function lowestUuid(ms: number): string {
  const hex = ms.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

/** Where the newest partition ends, in epoch ms, or null when there is none. */
async function newestBound(sql: Sql): Promise<number | null> {
  const rows = await sql<{ bound: string }[]>`
    select pg_get_expr(c.relpartbound, c.oid) as bound
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'run_events'::regclass`;
  const ends = rows.map(({ bound }) => {
    const upper = /TO \('([0-9a-f-]+)'\)/.exec(bound)?.[1] ?? '0';
    return Number.parseInt(upper.replace('-', '').slice(0, 12), 16);
  });
  return ends.length > 0 ? Math.max(...ends) : null;
}
