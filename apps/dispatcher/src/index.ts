/**
 * Claims runs and drives them: the lease, one RunDriver per run, timers, delivery. Decides nothing itself
 * (the engine does) and writes no SQL (the store does).
 */
export { type Clock, type ClockOptions, createClock } from './clock.ts';
export {
  type CommittedRun,
  createDispatcher,
  type Dispatcher,
  type DispatcherDeps,
  idleStats,
} from './dispatcher.ts';
export type { DispatcherStore, LeaseStore, WorkHints } from './dispatcher-store.ts';
export type { CallbackOptions } from './exchanges.ts';
export { type GoneEndpointStore, GoneEndpoints } from './gone-endpoints.ts';
export type { Log } from './log.ts';
export { ProjectCache } from './project-cache.ts';
export { Scheduler, type SchedulerDeps, type ScheduleStore, type TickOutcome } from './scheduler.ts';
export type { NewOwnedRun } from './session.ts';
