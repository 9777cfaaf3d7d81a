/**
 * PostgreSQL, the only truth: schema, journal, claims, leases, inbox, queries. SQL lives here and nowhere
 * else; what a run means does not.
 */
export { type Backlog, readBacklogs } from './backlog.ts';
export { type ClaimRoom, claimRuns, type ProjectShare, suspectClaims } from './claims.ts';
export { type Database, openDatabase } from './database.ts';
export { databaseNowMs } from './database-clock.ts';
export { type DispatcherStoreDeps, PostgresDispatcherStore } from './dispatcher-store.ts';
export { StoreError, type StoreErrorCode, sqlState } from './errors.ts';
export { decodeEvent, type EventColumns, encodeEvent } from './event-codec.ts';
export { type EventPage, type EventPageQuery, readEventPage } from './event-pages.ts';
export { armFailpoint, type FailpointName, failpoint, failpoints } from './failpoints.ts';
export {
  type GoneEndpoint,
  type GoneEndpointRow,
  goneEndpoints,
  listGoneEndpoints,
  markGone,
  unmarkGone,
} from './gone-endpoints.ts';
export { type HintChannel, Hints } from './hints.ts';
export {
  claimIdempotencyKey,
  deleteExpiredIdempotencyKeys,
  findIdempotencyKey,
  type IdempotencyClaim,
  type IdempotencyResult,
} from './idempotency.ts';
export {
  deleteCommands,
  type InboxRow,
  inboxRowsMax,
  postCommand,
  type ReopenRequest,
  readInbox,
  reopenRun,
} from './inbox.ts';
export type { NumberedEntry } from './journal/batch.ts';
export type { JournalEntry, NewChild, NewRun, QueueChange, RunChange, RunRef } from './journal/entry.ts';
export { type Fence, type FlushReport, Journal, type JournalOptions } from './journal/journal.ts';
export { type JournalLane, type OpenLane, postgresLanes } from './journal/journal-lane.ts';
export { OutcomeUnknownError } from './journal/lane.ts';
export {
  type DispatcherIdentity,
  type DispatcherRow,
  freeOrphans,
  LeaseRow,
  leaseDurationSeconds,
  listDispatchers,
  rescueExpired,
} from './leases.ts';
export type { ListPlace } from './list-place.ts';
export { defaultRetentionDays, type MigrateOptions, migrate } from './migrate.ts';
export { PlanCache } from './plans.ts';
export {
  addKey,
  addSecret,
  findKey,
  findProject,
  hasLiveKey,
  type KeyRow,
  liveSecrets,
  type ProjectRow,
  upsertProject,
} from './projects.ts';
export {
  type ClaimedRun,
  type DoneRun,
  deleteDoneRuns,
  ownedRuns,
} from './queue.ts';
export {
  changedRuns,
  findLatestRun,
  findRun,
  findRuns,
  listRuns,
  type RunFilter,
  type RunRow,
  readEvents,
  readJournals,
  type StoredEvent,
} from './runs.ts';
export { type Alarm, delay, processRuntime, type Runtime } from './runtime.ts';
export { PostgresScheduleStore } from './schedule-store.ts';
export {
  commitAdvances,
  type DueQuery,
  type DueSchedule,
  dueSchedules,
  lookAtSchedules,
  openRuns,
  type ScheduleAdvance,
  type ScheduleLook,
} from './schedule-ticks.ts';
export {
  addSchedule,
  deleteSchedule,
  findSchedule,
  type ListedSchedule,
  listSchedules,
  type NewSchedule,
  type PauseChange,
  pauseOrResume,
  type Replacement,
  replaceSchedule,
  type ScheduleRow,
  type ScheduleSettings,
} from './schedules.ts';
export {
  findVersion,
  listVersions,
  listWorkflows,
  type NewVersion,
  type StoredVersion,
  storeVersion,
  type VersionRow,
  type WorkflowRow,
} from './workflows.ts';
