import { startTemporaryPostgres } from '@waybill/embedded';
import type { RunEvent } from '@waybill/engine';
import { createId, uuidOfId } from '@waybill/protocol';
import postgres from 'postgres';
import { connect } from '../src/connect.ts';
import { type Database, openDatabase } from '../src/database.ts';
import type { JournalEntry, NewRun, RunRef } from '../src/journal/entry.ts';
import { type Fence, Journal, type JournalOptions } from '../src/journal/journal.ts';
import { postgresLanes } from '../src/journal/journal-lane.ts';
import { LeaseRow } from '../src/leases.ts';
import { migrate } from '../src/migrate.ts';
import { findRuns, type RunRow } from '../src/runs.ts';

export type { Database } from '../src/database.ts';
export { StoreError } from '../src/errors.ts';
export { postCommand } from '../src/inbox.ts';
export { rescueExpired } from '../src/leases.ts';

export interface TestDatabase {
  readonly url: string;
  readonly sql: Database;
  stop(): Promise<void>;
}

/** A migrated database on a server of its own. */
export async function startDatabase(): Promise<TestDatabase> {
  const server = await startTemporaryPostgres();
  await migrate({ databaseUrl: server.url });
  const sql = await openDatabase(server.url, { name: 'test' });
  const stop = async () => {
    await sql.end({ timeout: 1 });
    await server.stop();
  };
  return { url: server.url, sql, stop };
}

/** An id of this moment, or of days from now. */
export function newUuid(days = 0): string {
  const uuid = uuidOfId('run', createId('run'))!;
  if (days === 0) return uuid;
  const ms = (Date.now() + days * 86_400_000).toString(16).padStart(12, '0');
  return `${ms.slice(0, 8)}-${ms.slice(8)}${uuid.slice(13)}`;
}

export const projectUuid = newUuid();

export function newRun(fields: Partial<NewRun> = {}): NewRun {
  return {
    projectUuid,
    workflowKey: 'flow',
    version: 1,
    context: '{}',
    tags: [],
    metadata: null,
    createdAtMs: Date.now(),
    startedAtMs: null,
    ...fields,
  };
}

export function newRef(uuid = newUuid()): RunRef {
  return { uuid, seq: 0, isDiscarded: false };
}

export function entry(run: RunRef, fields: Partial<JournalEntry> = {}): JournalEntry {
  return { run, events: [started(1)], bytes: 100, ...fields };
}

export function creation(run: RunRef, fields: Partial<NewRun> = {}): JournalEntry {
  return entry(run, { events: [{ type: 'run.created', at: 1, started: true }], create: newRun(fields) });
}

export function started(attempt: number): RunEvent {
  return { type: 'attempt.started', at: attempt, delivery: 'step', step: 'a', attempt };
}

export async function register(url: string): Promise<{ uuid: string; lease: LeaseRow }> {
  const uuid = newUuid();
  const lease = new LeaseRow(url, { uuid, host: 'test', pid: 1 });
  await lease.register();
  return { uuid, lease };
}

export interface OwnedJournal {
  readonly journal: Journal;
  readonly uuid: string;
  readonly lease: LeaseRow;
  readonly confirms: boolean[];
  readonly losses: number[];
}

/** A fenced journal and the lease behind it. */
export async function openJournal(url: string, options: Partial<JournalOptions> = {}): Promise<OwnedJournal> {
  const { uuid, lease } = await register(url);
  const confirms: boolean[] = [];
  const losses: number[] = [];
  const fence: Fence = {
    ownerUuid: uuid,
    async confirm() {
      const isAlive = (await lease.heartbeat()) !== null;
      confirms.push(isAlive);
      return isAlive;
    },
    lost: () => void losses.push(1),
  };
  return {
    journal: new Journal({ openLane: postgresLanes(url), fence, ...options }),
    ...{ uuid, lease, confirms, losses },
  };
}

export async function seqsOf(sql: Database, runUuid: string): Promise<number[]> {
  const rows = await sql<{ seq: number }[]>`
    select seq from run_events where run_id = ${runUuid} order by seq`;
  return rows.map((row) => row.seq);
}

export async function expire(sql: Database, uuid: string): Promise<void> {
  await sql`update dispatchers set expires_at = now() - interval '1 minute' where id = ${uuid}`;
}

/** The outcome of each append: `ok` or the code of its error. */
export async function outcomes(appends: readonly Promise<void>[]): Promise<string[]> {
  const settled = await Promise.allSettled(appends);
  return settled.map((result) =>
    result.status === 'fulfilled' ? 'ok' : String((result.reason as { code?: unknown }).code),
  );
}

export function unfencedJournal(url: string): Journal {
  return new Journal({ openLane: postgresLanes(url), fence: null });
}

export async function queueRow(
  sql: Database,
  uuid: string,
): Promise<{ owner: string | null; claims: number } | undefined> {
  const [row] = await sql<{ owner: string | null; claims: number }[]>`
    select owner, claims from run_queue where run_id = ${uuid}`;
  return row;
}

export async function runRow(sql: Database, uuid: string): Promise<RunRow | undefined> {
  return (await findRuns(sql, [uuid]))[0];
}

export interface HeldLock {
  /** Resolves when a session waits for a lock. */
  waiter(): Promise<void>;
  release(): Promise<void>;
}

/** Holds a run's queue row in a transaction of its own, so that a flush that deletes it has to wait. */
export function lockQueueRow(url: string, uuid: string): Promise<HeldLock> {
  return holdTransaction(url, `select 1 from run_queue where run_id = '${uuid}' for update`);
}

/** Runs a statement and keeps its transaction open. */
export async function holdTransaction(url: string, statement: string): Promise<HeldLock> {
  const sql = connect(url, { name: 'lock', max: 1 });
  await sql.unsafe('begin');
  await sql.unsafe(statement);
  return {
    async waiter() {
      for (;;) {
        const [row] = await sql`
          select 1 from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))`;
        if (row) return;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    async release() {
      await sql.unsafe('commit');
      await sql.end();
    },
  };
}

/** A connection that tells of each statement and its parameters. */
export function connectDebug(
  url: string,
  onQuery: (query: string, parameters: readonly unknown[]) => void,
): Database {
  return postgres(url, {
    max: 1,
    fetch_types: false,
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
    debug: (_, query, parameters) => onQuery(query, parameters),
  });
}
