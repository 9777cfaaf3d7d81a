import { connect, discard, type Sql } from './connect.ts';
import { StoreError, sqlState } from './errors.ts';
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
  /** No message of a migration takes longer: the connection is broken. Default: a minute. */
  readonly silenceMsMax?: number;
  /** The version to stop at: for tests of upgrades. Default: the newest. */
  readonly upTo?: number;
}

export const defaultRetentionDays = 30;

/**
 * Brings the schema up to this program's version and makes the partitions of the next two weeks. Called
 * at start and as housekeeping; cheap when there is nothing to do.
 * @throws StoreError `schema_newer` when the database belongs to a newer program; `schema_locked` when
 *   another migrator holds the lock for longer than `waitMs`. Error when the database does not answer.
 */
export async function migrate(options: MigrateOptions): Promise<void> {
  const { databaseUrl, retentionDays = defaultRetentionDays, waitMs = 60_000 } = options;
  const { upTo = migrations.length, silenceMsMax = 60_000 } = options;
  const sql = connect(databaseUrl, { name: 'migrate', max: 1, silenceMsMax });
  const deadline = performance.now() + waitMs;
  const alone = (message: string) => runAlone(sql, message, deadline);
  try {
    await alone(`create table if not exists schema_migrations (
      version int primary key, name text not null, applied_at timestamptz not null default now())`);
    await apply(sql, upTo, alone);
    await ensurePartitions(sql, retentionDays, alone);
  } catch (error) {
    // In order, an end would wait for a connection that is broken.
    discard(sql);
    throw error;
  }
  await sql.end({ timeout: 5 });
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

type RunAlone = (message: string) => Promise<void>;

const wasFirst = 'another migrator was first';

/** One by one, each on the version that it was written for: somebody else may be at it. */
async function apply(sql: Sql, upTo: number, alone: RunAlone): Promise<void> {
  for (;;) {
    const current = await schemaVersion(sql);
    const next = migrations[current];
    if (next === undefined || current >= upTo) return;
    const isCurrent = `coalesce((select max(version) from schema_migrations), 0) = ${current}`;
    const message = `select case when ${isCurrent} then '0' else '${wasFirst}' end::int;
      set local lock_timeout = '5s'; ${next.sql};
      insert into schema_migrations (version, name) values (${next.version}, '${next.name}')`;
    await alone(message).catch((error: unknown) => {
      if (!String(error).includes(wasFirst)) throw error;
    });
  }
}

const divisionByZero = '22012';

/**
 * One simple-protocol message is one implicit transaction: it applies whole or not at all. The lock is that of the
 * transaction, since behind a pooler the next statement may run in another session; and it is asked for again and
 * again, since a session waiting for it would hold a snapshot and block concurrent index builds.
 */
async function runAlone(sql: Sql, message: string, deadline: number): Promise<void> {
  for (;;) {
    try {
      await sql.unsafe(`select 1 / pg_try_advisory_xact_lock(${lockKey})::int; ${message}`);
      return;
    } catch (error) {
      if (sqlState(error) !== divisionByZero) throw error;
    }
    if (performance.now() > deadline) {
      throw new StoreError('schema_locked', 'another migrator has held the lock for too long');
    }
    await new Promise((resolve) => setTimeout(resolve, lockPollMs));
  }
}
