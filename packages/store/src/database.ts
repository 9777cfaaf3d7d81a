import { connect, type Sql } from './connect.ts';
import { schemaVersion } from './migrate.ts';

/** The pool for everyday queries. Journal lanes, heartbeat and listener have connections of their own. */
export type Database = Sql;

/** @throws StoreError `schema_newer` when the database belongs to a newer program. */
export async function openDatabase(url: string, options: { name: string; max?: number }): Promise<Database> {
  const sql = connect(url, { name: options.name, max: options.max ?? 8, withArrays: true });
  try {
    await schemaVersion(sql);
    return sql;
  } catch (error) {
    await sql.end({ timeout: 1 });
    throw error;
  }
}
