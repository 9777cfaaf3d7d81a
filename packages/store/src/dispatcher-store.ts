import type { Plan } from '@waybill/engine';
import { ClaimMarks } from './claim-marks.ts';
import { type ClaimRoom, claimRuns, lookAtQueue } from './claims.ts';
import type { Database } from './database.ts';
import { deleteExpiredIdempotencyKeys } from './idempotency.ts';
import { deleteCommands, type InboxRow, readInbox } from './inbox.ts';
import { type JournalLane, postgresLanes } from './journal/journal-lane.ts';
import { type DispatcherIdentity, freeOrphans, LeaseRow, rescueExpired } from './leases.ts';
import { migrate } from './migrate.ts';
import type { PlanCache } from './plans.ts';
import { findProject, liveSecrets, type ProjectRow } from './projects.ts';
import { type ClaimedRun, type DoneRun, deleteDoneRuns, ownedRuns } from './queue.ts';
import { Recency } from './recency.ts';
import { findRuns, type RunRow, readJournals, type StoredEvent } from './runs.ts';
import { findVersion } from './workflows.ts';

export interface DispatcherStoreDeps {
  readonly databaseUrl: string;
  readonly database: Database;
  readonly plans: PlanCache;
  readonly retentionDays: number;
}

/** What lies below the marks is found after this long. */
const lookIntervalMs = 5000;

/** What a dispatcher asks of the database, on PostgreSQL: the port is `apps/dispatcher/src/dispatcher-store.ts`. */
export class PostgresDispatcherStore {
  readonly #deps: DispatcherStoreDeps;
  readonly #marks = new ClaimMarks();
  readonly #claimRecency = new Recency();
  readonly #inboxRecency = new Recency();
  #lookedAt = Number.NEGATIVE_INFINITY;
  readonly openLane: (name: string) => JournalLane;

  constructor(deps: DispatcherStoreDeps) {
    this.#deps = deps;
    this.openLane = postgresLanes(deps.databaseUrl);
  }

  openLease(identity: DispatcherIdentity): LeaseRow {
    return new LeaseRow(this.#deps.databaseUrl, identity);
  }

  async claimRuns(me: string, room: ClaimRoom): Promise<ClaimedRun[]> {
    this.#lookNowAndThen();
    const claimed = await recently(this.#claimRecency, room.runs, (isInboxRecent) =>
      claimRuns(this.#deps.database, me, { ...room, isInboxRecent }, this.#marks.list()),
    );
    for (const run of claimed) if (run.isWoken === false) this.#marks.claimed(run.project, run.readyAtMs);
    return claimed;
  }

  /** Beside the claims, which do not wait for it. */
  #lookNowAndThen(): void {
    const now = performance.now();
    if (now - this.#lookedAt < lookIntervalMs) return;
    this.#lookedAt = now;
    lookAtQueue(this.#deps.database).then(
      (look) => this.#marks.looked(look),
      // The next one comes in a few seconds; a database that does not answer is the claims' to report.
      () => {},
    );
  }

  ownedRuns(me: string, among?: readonly string[]): Promise<ClaimedRun[]> {
    return ownedRuns(this.#deps.database, me, among);
  }

  deleteDoneRuns(me: string, runs: readonly DoneRun[]): Promise<string[]> {
    return deleteDoneRuns(this.#deps.database, me, runs);
  }

  async readInbox(me: string, limit: number): Promise<InboxRow[]> {
    return await recently(this.#inboxRecency, limit, (isRecent) =>
      readInbox(this.#deps.database, me, limit, isRecent),
    );
  }

  deleteCommands(rows: readonly InboxRow[]): Promise<void> {
    return deleteCommands(this.#deps.database, rows);
  }

  rescueExpired(): Promise<string[]> {
    return rescueExpired(this.#deps.database);
  }

  freeOrphans(me: string): Promise<number> {
    return freeOrphans(this.#deps.database, me);
  }

  findRuns(runs: readonly string[]): Promise<RunRow[]> {
    return findRuns(this.#deps.database, runs);
  }

  readJournals(runs: readonly string[]): Promise<Map<string, StoredEvent[]>> {
    return readJournals(this.#deps.database, runs);
  }

  findPlan(project: string, key: string, version: number): Promise<Plan | null> {
    return this.#deps.plans.get(this.#deps.database, project, key, version);
  }

  async findLatestVersion(project: string, key: string): Promise<number | null> {
    return (await findVersion(this.#deps.database, project, key))?.version ?? null;
  }

  findProject(uuid: string): Promise<ProjectRow | null> {
    return findProject(this.#deps.database, uuid);
  }

  liveSecrets(project: string): Promise<string[]> {
    return liveSecrets(this.#deps.database, project);
  }

  async houseKeep(): Promise<void> {
    await migrate(this.#deps);
    await deleteExpiredIdempotencyKeys(this.#deps.database);
  }
}

async function recently<Row>(
  recency: Recency,
  limit: number,
  look: (isRecent: boolean) => PromiseLike<readonly Row[]>,
): Promise<Row[]> {
  const at = performance.now();
  const isAll = recency.isAllDue(at);
  const rows = await look(!isAll);
  // One that gave as much as it might may have left something behind.
  recency.looked(at, isAll && rows.length < limit);
  return [...rows];
}
