import type { Plan } from '@waybill/engine';
import type {
  ClaimedRun,
  ClaimRoom,
  DispatcherIdentity,
  DoneRun,
  HintChannel,
  InboxRow,
  OpenLane,
  ProjectRow,
  RunRow,
  StoredEvent,
} from '@waybill/store';

/**
 * The port through which a dispatcher sees the database. `PostgresDispatcherStore` is what it sees in production; the
 * simulation has a model that is held to it. Whatever is asked may throw: the database does not answer, or refuses.
 */
export interface DispatcherStore {
  readonly openLane: OpenLane;
  openLease(identity: DispatcherIdentity): LeaseStore;
  /** Fenced. */
  claimRuns(me: string, room: ClaimRoom): Promise<ClaimedRun[]>;
  /** Every run that `me` owns, or which of `among`. */
  ownedRuns(me: string, among?: readonly string[]): Promise<ClaimedRun[]>;
  /** Fenced. Takes runs of `me` that are done out of the queue, unless something has come since. Answers which. */
  deleteDoneRuns(me: string, runs: readonly DoneRun[]): Promise<string[]>;
  /** Oldest first. */
  readInbox(me: string, limit: number): Promise<InboxRow[]>;
  deleteCommands(rows: readonly InboxRow[]): Promise<void>;
  /** Frees the runs of dispatchers whose lease has ended. Answers which dispatchers. */
  rescueExpired(): Promise<string[]>;
  /** Fenced. Frees runs whose owner has no row at all. Answers how many. */
  freeOrphans(me: string): Promise<number>;
  findRuns(runs: readonly string[]): Promise<RunRow[]>;
  /** By run; runs without rows are absent. */
  readJournals(runs: readonly string[]): Promise<Map<string, StoredEvent[]>>;
  findPlan(project: string, key: string, version: number): Promise<Plan | null>;
  findLatestVersion(project: string, key: string): Promise<number | null>;
  findProject(uuid: string): Promise<ProjectRow | null>;
  /** Sealed, newest first. */
  liveSecrets(project: string): Promise<string[]>;
  /** Partitions to come, keys that have expired. */
  houseKeep(): Promise<void>;
}

/** The row behind a lease. Times are the database's, in epoch ms. */
export interface LeaseStore {
  register(): Promise<number>;
  /** Null when the row is gone. No test of expiry. */
  heartbeat(): Promise<number | null>;
  /** Frees what is still owned, and deletes the row. */
  release(): Promise<void>;
  close(): Promise<void>;
}

/** Hints between processes; any may be lost. */
export interface WorkHints {
  notify(channel: HintChannel): void;
  listen(channel: HintChannel, onHint: () => void): void;
}
