import type { Duration } from './definition.ts';

interface ScheduleFields {
  /** Unique in the project. */
  readonly id: string;
  /** Key of a stored workflow. */
  readonly workflow: string;
  /** Default: the newest at each tick. */
  readonly version?: number;
  readonly context?: object;
  /** Default: those of the workflow. */
  readonly tags?: readonly string[];
  /** Beside these, runs get `schedule` and `scheduledAt`. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Of ticks that were missed while nobody scheduled: a run for the latest (default), for all, or for none. */
  readonly catchUp?: CatchUp;
  /** While the run before has not ended: start all the same (default), skip the tick, or cancel that run. */
  readonly overlap?: Overlap;
}

export type CatchUp = 'latest' | 'all' | 'none';
export type Overlap = 'allow' | 'skip' | 'cancel';

/** When runs of a workflow start by themselves: by a pattern, or every so long from its creation on. */
export type ScheduleInput = ScheduleFields &
  (
    | {
        /** Five fields, six with seconds in front, seven with years at the end; or `@daily` and the like. */
        readonly cron: string;
        /** IANA name. Default `UTC`. */
        readonly timeZone?: string;
        readonly every?: undefined;
      }
    | {
        /** At least a second. */
        readonly every: Duration;
        readonly cron?: undefined;
        readonly timeZone?: undefined;
      }
  );

/** A schedule in a list. Times are ISO 8601 UTC. */
export interface ScheduleSummary {
  readonly id: string;
  readonly workflow: string;
  /** Null: the newest at each tick. */
  readonly version: number | null;
  readonly cron: string | null;
  readonly timeZone: string | null;
  /** Seconds. */
  readonly every: number | null;
  /** Null: those of the workflow. */
  readonly tags: readonly string[] | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly catchUp: CatchUp;
  readonly overlap: Overlap;
  readonly state: 'active' | 'paused';
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Null while it is paused, and when no tick is to come. */
  readonly nextAt: string | null;
  /** The newest tick that started a run, and that run. */
  readonly lastAt: string | null;
  readonly lastRunId: string | null;
  /** Why the newest tick could not start its run. */
  readonly lastError: { readonly code: string; readonly message: string; readonly at: string } | null;
}

export interface Schedule extends ScheduleSummary {
  readonly context: Readonly<Record<string, unknown>>;
  /** The next ticks, five at most. */
  readonly upcoming: readonly string[];
}
