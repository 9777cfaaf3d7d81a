import type { Plan } from '@waybill/engine';
import type { Backlog, DueQuery, DueSchedule, ScheduleAdvance } from '@waybill/store';
import type { ScheduleStore } from '../src/scheduler.ts';
import { newUuid, planOf, projectUuid, step } from './harness.ts';

export function dueSchedule(fields: Partial<DueSchedule> = {}): DueSchedule {
  return {
    ...{ uuid: newUuid(), projectUuid, key: 'nightly', workflowKey: 'flow', version: null, runVersion: 1 },
    ...{ cron: null, timeZone: null, everyMs: 1000, context: '{}', tags: null, metadata: null },
    ...{ catchUp: 'all', overlap: 'allow', createdAtMs: 0, createdAtMicros: 0, updatedAtMs: 0 },
    ...{ isPaused: false, revision: 1, nextAtMs: 1000, lastAtMs: null, lastRunUuid: null, lastError: null },
    ...fields,
  };
}

/** What befalls a commit on its way. */
export type Mishap = 'none' | 'request' | 'answer';

/** Schedules in memory, under a clock that the test moves. */
export class FakeSchedules implements ScheduleStore {
  readonly rows = new Map<string, DueSchedule>();
  /** Of every run that was written: its schedule and the tick. */
  readonly started: { readonly key: string; readonly scheduledAt: number; readonly atMs: number }[] = [];
  readonly posts: string[] = [];
  readonly open = new Set<string>();
  backlog: readonly Backlog[] = [];
  plans: (key: string) => Plan | null = () => planOf([step('a')]);
  mishap: () => Mishap = () => 'none';
  refuses: (advance: ScheduleAdvance) => boolean = () => false;
  /** Epoch ms. */
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(fields: Partial<DueSchedule>): DueSchedule {
    const schedule = dueSchedule(fields);
    this.rows.set(schedule.uuid, schedule);
    return schedule;
  }

  ticksOf(key: string): number[] {
    return this.started.filter((run) => run.key === key).map(({ scheduledAt }) => scheduledAt);
  }

  async look() {
    const times = [...this.rows.values()].map(({ nextAtMs }) => nextAtMs);
    return { nowMs: this.#now(), soonestMs: times.length === 0 ? null : Math.min(...times) };
  }

  async due({ nowMs, without }: DueQuery) {
    return [...this.rows.values()].filter(
      (row) => row.nextAtMs <= nowMs && !without.includes(row.projectUuid),
    );
  }

  openRuns = async (runs: readonly string[]) => new Set(runs.filter((run) => this.open.has(run)));
  findPlan = async (_: string, key: string) => this.plans(key);
  backlogs = async () => this.backlog;

  async commit(advances: readonly ScheduleAdvance[]): Promise<boolean> {
    const mishap = this.mishap();
    if (mishap === 'request') throw new Error('connection lost');
    if (advances.some(this.refuses)) {
      throw Object.assign(new Error('refused'), { name: 'PostgresError', code: '23514' });
    }
    const isAsFound = advances.every(({ schedule: { uuid, revision, nextAtMs } }) => {
      const row = this.rows.get(uuid);
      return row?.revision === revision && row.nextAtMs === nextAtMs;
    });
    if (isAsFound) for (const advance of advances) this.#apply(advance);
    if (mishap === 'answer') throw new Error('connection lost');
    return isAsFound;
  }

  #apply({ schedule, nextAtMs, last, error, runs, posts }: ScheduleAdvance): void {
    const row = this.rows.get(schedule.uuid)!;
    const changed = {
      nextAtMs: nextAtMs ?? Number.POSITIVE_INFINITY,
      lastAtMs: last?.atMs ?? row.lastAtMs,
      lastRunUuid: last?.runUuid ?? row.lastRunUuid,
      lastError: error === undefined ? row.lastError : error,
    };
    this.rows.set(schedule.uuid, { ...row, ...changed });
    for (const { uuid, run } of runs) {
      const { schedule: key, scheduledAt } = JSON.parse(run.metadata!) as Record<string, string>;
      this.open.add(uuid);
      this.started.push({ key: key!, scheduledAt: Date.parse(scheduledAt!), atMs: run.createdAtMs });
    }
    for (const { runUuid } of posts) {
      this.open.delete(runUuid);
      this.posts.push(runUuid);
    }
  }
}
