import type { RunEvent } from '@waybill/engine';
import type { Database } from './database.ts';
import { decodeEvent, type EventColumns } from './event-codec.ts';
import { integer, uuid } from './literals.ts';

export interface RunRow {
  readonly uuid: string;
  readonly projectUuid: string;
  readonly workflowKey: string;
  readonly version: number;
  readonly state: string;
  /** JSON text as the client sent it. */
  readonly context: string;
  readonly tags: string[];
  /** JSON text. */
  readonly metadata: string | null;
  readonly createdAtMs: number;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
}

export interface StoredEvent {
  readonly seq: number;
  readonly event: RunEvent;
}

const columnList = `
  id as uuid, project_id as "projectUuid", workflow_key as "workflowKey", version, state, context, tags,
  metadata, created_at_ms as "createdAtMs", started_at_ms as "startedAtMs",
  finished_at_ms as "finishedAtMs"`;
const columns = (sql: Database) => sql.unsafe(columnList);

/**
 * The two reads behind every status are simple-protocol messages of literals: one round trip, where a
 * query with parameters and without a prepared statement (PgBouncer) takes two.
 */
export async function findRun(sql: Database, runUuid: string): Promise<RunRow | null> {
  const [row] = await sql.unsafe<RunRow[]>(`select ${columnList} from runs where id = ${uuid(runUuid)}`);
  return row ?? null;
}

/** The newest run of a workflow. */
export async function findLatestRun(sql: Database, project: string, key: string): Promise<RunRow | null> {
  const [row] = await sql<RunRow[]>`
    select ${columns(sql)} from runs
     where project_id = ${project} and workflow_key = ${key} order by id desc limit 1`;
  return row ?? null;
}

export async function findRuns(sql: Database, runUuids: readonly string[]): Promise<RunRow[]> {
  if (runUuids.length === 0) return [];
  return await sql<RunRow[]>`
    select ${columns(sql)} from runs where id = any(${runUuids as string[]}::uuid[]) and ${bounds(sql, 'id', runUuids)}`;
}

export async function readEvents(sql: Database, runUuid: string, afterSeq: number): Promise<StoredEvent[]> {
  const rows = await sql.unsafe<({ seq: number } & EventColumns)[]>(`
    select seq, type, step, at_ms as "atMs", data, result from run_events
     where run_id = ${uuid(runUuid)} and seq > ${integer(afterSeq)} order by seq`);
  return rows.map((row) => ({ seq: row.seq, event: decodeEvent(row) }));
}

/** The journals of several runs, by run. Runs without rows are absent. */
export async function readJournals(
  sql: Database,
  runUuids: readonly string[],
): Promise<Map<string, StoredEvent[]>> {
  const journals = new Map<string, StoredEvent[]>();
  if (runUuids.length === 0) return journals;
  const rows = await sql<({ runUuid: string; seq: number } & EventColumns)[]>`
    select run_id as "runUuid", seq, type, step, at_ms as "atMs", data, result from run_events
     where run_id = any(${runUuids as string[]}::uuid[]) and ${bounds(sql, 'run_id', runUuids)}
     order by run_id, seq`;
  for (const row of rows) {
    const events = journals.get(row.runUuid) ?? [];
    if (events.length === 0) journals.set(row.runUuid, events);
    events.push({ seq: row.seq, event: decodeEvent(row) });
  }
  return journals;
}

/** Of the runs watched, those with rows newer than the given seq. */
export async function changedRuns(
  sql: Database,
  watched: readonly { runUuid: string; seq: number }[],
): Promise<string[]> {
  if (watched.length === 0) return [];
  const ids = watched.map((run) => run.runUuid);
  const rows = await sql<{ runUuid: string }[]>`
    select w.run_id as "runUuid"
      from unnest(${ids}::uuid[], ${watched.map((run) => run.seq)}::int[]) as w (run_id, seq)
     where exists (select 1 from run_events e where e.run_id = w.run_id and e.seq > w.seq
                      and ${bounds(sql, 'e.run_id', ids)})`;
  return rows.map((row) => row.runUuid);
}

export interface RunFilter {
  readonly projectUuid: string;
  readonly workflowKey?: string | undefined;
  readonly state?: string | undefined;
  readonly tag?: string | undefined;
  /** Every pair must be in the run's metadata. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly createdAfterMs?: number | undefined;
  readonly createdBeforeMs?: number | undefined;
  /** The last run of the page before. */
  readonly beforeUuid?: string | undefined;
  readonly limit: number;
}

/** Newest first. */
export function listRuns(sql: Database, filter: RunFilter): PromiseLike<RunRow[]> {
  const { workflowKey, state, tag, metadata, createdAfterMs, createdBeforeMs, beforeUuid } = filter;
  return sql<RunRow[]>`
    select ${columns(sql)} from runs
     where project_id = ${filter.projectUuid}
       ${workflowKey === undefined ? sql`` : sql`and workflow_key = ${workflowKey}`}
       ${state === undefined ? sql`` : sql`and state = ${state}`}
       ${tag === undefined ? sql`` : sql`and ${tag} = any(tags)`}
       ${metadata === undefined ? sql`` : sql`and metadata::jsonb @> ${JSON.stringify(metadata)}::text::jsonb`}
       ${createdAfterMs === undefined ? sql`` : sql`and created_at_ms > ${createdAfterMs}`}
       ${createdBeforeMs === undefined ? sql`` : sql`and created_at_ms < ${createdBeforeMs}`}
       ${beforeUuid === undefined ? sql`` : sql`and id < ${beforeUuid}`}
     order by id desc limit ${filter.limit}`;
}

/** Lets the executor leave out the partitions that hold none of the ids. */
function bounds(sql: Database, column: string, ids: readonly string[]) {
  const sorted = [...ids].sort();
  return sql`${sql(column)} between ${sorted[0]!} and ${sorted.at(-1)!}`;
}
