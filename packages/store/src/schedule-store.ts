import type { Plan } from '@waybill/engine';
import { type Backlog, readBacklogs } from './backlog.ts';
import type { Database } from './database.ts';
import type { PlanCache } from './plans.ts';
import {
  commitAdvances,
  type DueQuery,
  type DueSchedule,
  dueSchedules,
  lookAtSchedules,
  openRuns,
  type ScheduleAdvance,
  type ScheduleLook,
} from './schedule-ticks.ts';

/** What a scheduler asks of the database, on PostgreSQL: the port is in `apps/dispatcher/src/scheduler.ts`. */
export class PostgresScheduleStore {
  readonly #database: Database;
  readonly #plans: PlanCache;

  constructor(database: Database, plans: PlanCache) {
    this.#database = database;
    this.#plans = plans;
  }

  look(): Promise<ScheduleLook> {
    return lookAtSchedules(this.#database);
  }

  due(query: DueQuery): Promise<DueSchedule[]> {
    return dueSchedules(this.#database, query);
  }

  openRuns(runs: readonly string[]): Promise<ReadonlySet<string>> {
    return openRuns(this.#database, runs);
  }

  findPlan(project: string, key: string, version: number): Promise<Plan | null> {
    return this.#plans.get(this.#database, project, key, version);
  }

  backlogs(countMax: number): Promise<Backlog[]> {
    return readBacklogs(this.#database, countMax);
  }

  commit(advances: readonly ScheduleAdvance[]): Promise<boolean> {
    return commitAdvances(this.#database, advances);
  }
}
