import type { Sql } from './connect.ts';
import { sqlState } from './errors.ts';
import { schemaVersion } from './migrate.ts';
import { createPool } from './pool.ts';

/** The pool for everyday queries. Journal lanes, heartbeat and listener have connections of their own. */
export type Database = Sql;

export interface DatabaseOptions {
  readonly name: string;
  readonly max?: number;
  /** A connection without an answer for this long is broken. */
  readonly silenceMsMax?: number;
}

/** A statement that is only slow ends before its connection counts as broken. */
const settings = {
  statement_timeout: '9s',
  idle_in_transaction_session_timeout: '10s',
  tcp_user_timeout: '10s',
  client_connection_check_interval: '5s',
};

/** @throws StoreError `schema_newer` when the database belongs to a newer program. */
export async function openDatabase(url: string, options: DatabaseOptions): Promise<Database> {
  try {
    return await open(url, options, settings);
  } catch (error) {
    if (!isRefusedSetting(error)) throw error;
    // Our own watch over silence goes on without them.
    return await open(url, options, {});
  }
}

async function open(
  url: string,
  { name, max = 8, silenceMsMax = 10_000 }: DatabaseOptions,
  sessionSettings: Readonly<Record<string, string>>,
): Promise<Database> {
  const sql = createPool(url, { name, max, silenceMsMax, settings: sessionSettings });
  try {
    await schemaVersion(sql);
    return sql;
  } catch (error) {
    await sql.end({ timeout: 1 });
    throw error;
  }
}

/** By PgBouncer: a protocol violation; by a server on a system that lacks one: an invalid value. */
function isRefusedSetting(error: unknown): boolean {
  return ['08P01', '22023', '42704'].includes(sqlState(error) ?? '');
}
