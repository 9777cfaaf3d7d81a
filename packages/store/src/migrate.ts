import { connect, type Sql } from './connect.ts';
import { StoreError } from './errors.ts';
import { migrations } from './migrations/index.ts';
import { ensurePartitions } from './partitions.ts';

/** Serialises migrators: any constant that nobody else in this database uses. */
const lockKey = 4800_0001;
const lockPollMs = 200;

export interface MigrateOptions {
  readonly databaseUrl: string;
  /** How long finished runs are kept; sets the width of new partitions. */
  readonly retentionDays?: number;
  /** How long to wait for another migrator. */
  readonly waitMs?: number;
}

export const defaultRetentionDays = 30;

/**
 * Brings the schema up to this program's version and makes the partitions of the next two weeks. Called
 * at start and as housekeeping; cheap when there is nothing to do.
 * @throws StoreError `schema_newer` when the database belongs to a newer program; `schema_locked` when
 *   another migrator holds the lock for longer than `waitMs`.
 */
export async function migrate(options: MigrateOptions): Promise<void> {
  const { databaseUrl, retentionDays = defaultRetentionDays, waitMs = 60_000 } = options;
  const sql = connect(databaseUrl, { name: 'migrate', max: 1 });
  try {
    await lock(sql, waitMs);
    await apply(sql);
    await ensurePartitions(sql, retentionDays);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** @throws StoreError `schema_newer` when a newer program has migrated the database. */
export async function schemaVersion(sql: Sql): Promise<number> {
  const [row] = await sql<{ version: number }[]>`
    select coalesce(max(version), 0) as version from schema_migrations`;
  const version = row!.version;
  const known = migrations.length;
  if (version > known) {
    const message = `the database has schema ${version}, this program knows ${known}: upgrade the program`;
    throw new StoreError('schema_newer', message);
  }
  return version;
}

/** Polls: a session waiting for an advisory lock would hold a snapshot and block concurrent index builds. */
async function lock(sql: Sql, waitMs: number): Promise<void> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const [row] = await sql<{ held: boolean }[]>`select pg_try_advisory_lock(${lockKey}) as held`;
    if (row!.held) return;
    if (performance.now() > deadline) {
      throw new StoreError('schema_locked', `another migrator has held the lock for ${waitMs} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, lockPollMs));
  }
}

async function apply(sql: Sql): Promise<void> {
  await sql.unsafe(`create table if not exists schema_migrations (
    version int primary key, name text not null, applied_at timestamptz not null default now())`);
  const current = await schemaVersion(sql);
  for (const migration of migrations.slice(current)) {
    // One simple-protocol message is one implicit transaction: a migration applies whole or not at all.
    await sql.unsafe(`set lock_timeout = '5s'; ${migration.sql};
      insert into schema_migrations (version, name) values (${migration.version}, '${migration.name}')`);
  }
}
