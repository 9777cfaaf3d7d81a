import type { Plan } from '@waybill/engine';
import { idOfUuid, type Limits } from '@waybill/protocol';
import {
  type Alarm,
  type Backlog,
  type DueQuery,
  type DueSchedule,
  failpoint,
  type Runtime,
  type ScheduleAdvance,
  type ScheduleLook,
  sqlState,
} from '@waybill/store';
import type { WorkHints } from './dispatcher-store.ts';
import type { Log } from './log.ts';
import { Loop } from './loop.ts';
import { type PlannedAdvance, planAdvance, refusal } from './schedule-advance.ts';

/** Where schedules are kept. Whatever is asked may throw. */
export interface ScheduleStore {
  look(): Promise<ScheduleLook>;
  due(query: DueQuery): Promise<DueSchedule[]>;
  /** Which of these have not ended. */
  openRuns(runs: readonly string[]): Promise<ReadonlySet<string>>;
  findPlan(project: string, key: string, version: number): Promise<Plan | null>;
  /** Of every project of which runs wait, counted up to `countMax`. */
  backlogs(countMax: number): Promise<readonly Backlog[]>;
  /** All or nothing. False: one of them is not as it was found, and nothing was written. */
  commit(advances: readonly ScheduleAdvance[]): Promise<boolean>;
}

export type TickOutcome = 'started' | 'skipped' | 'failed';

export interface SchedulerDeps {
  readonly store: ScheduleStore;
  readonly hints: Pick<WorkHints, 'notify'>;
  readonly runtime: Runtime;
  readonly log: Log;
  readonly limits: Limits;
  /** Runs of one project that may wait for a dispatcher: beyond it its schedules wait, too. */
  readonly backlogMax: number;
  /** Told of ticks once it is durable what became of them; how late each of those started was. */
  readonly onTicks?: (outcome: TickOutcome, count: number, latenessesMs: readonly number[]) => void;
}

const intervalMs = 1000;
/** What one look takes on, and one message carries. */
const schedulesMax = 100;
const messageRunsMax = 500;
const messageBytesMax = 8 * 1024 * 1024;
/** Of those that wake for the same tick, the first has mostly started it before the others look. */
const spreadMs = 20;
const backlogIntervalMs = 1000;
const backlogAgeMsMin = 2000;

/**
 * Starts runs when the ticks of their schedules come. Every process with a dispatcher has one, and they do not know of
 * each other: who moves a schedule on starts the runs of the ticks that it passes, in one transaction, and only from
 * where it was found. What is due is said by the database's clock.
 */
export class Scheduler {
  readonly #deps: SchedulerDeps;
  readonly #loop: Loop;
  #alarm: Alarm | null = null;
  #full: readonly string[] = [];
  #backlogDueAt = Number.NEGATIVE_INFINITY;

  constructor(deps: SchedulerDeps) {
    this.#deps = deps;
    const { log, runtime } = deps;
    this.#loop = new Loop({ name: 'scheduling', intervalMs, tick: () => this.tick(), log, runtime });
  }

  start(): void {
    this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
    this.#alarm?.cancel();
  }

  /** Starts what is due. True when there may be more. */
  async tick(): Promise<boolean> {
    const { store } = this.#deps;
    const { nowMs, soonestMs } = await store.look();
    if (soonestMs === null) return false;
    if (soonestMs > nowMs) {
      this.#wakeIn(soonestMs - nowMs);
      return false;
    }
    const without = await this.#fullProjects();
    const due = await store.due({ nowMs, limit: schedulesMax, without });
    const planned = await this.#plan(due, nowMs);
    for (const part of partsOf(planned)) await this.#commit(part, nowMs);
    // One that could not even be looked at is looked at again after the interval, not at once.
    return due.length > 0 && planned.length === due.length;
  }

  #wakeIn(delayMs: number): void {
    this.#alarm?.cancel();
    if (delayMs >= intervalMs) return;
    const { runtime } = this.#deps;
    this.#alarm = runtime.after(delayMs + spreadMs * runtime.random(), () => this.#loop.poke());
  }

  async #plan(due: readonly DueSchedule[], nowMs: number): Promise<PlannedAdvance[]> {
    const { store, limits, log } = this.#deps;
    const last = due.flatMap(({ overlap, lastRunUuid }) =>
      overlap === 'allow' || lastRunUuid === null ? [] : [lastRunUuid],
    );
    const open = await store.openRuns(last);
    const planned: PlannedAdvance[] = [];
    for (const schedule of due) {
      const { projectUuid, key, workflowKey, runVersion: version, lastRunUuid } = schedule;
      try {
        const plan = version === null ? null : await store.findPlan(projectUuid, workflowKey, version);
        const workflow = plan && { plan, version: version! };
        const isLastOpen = lastRunUuid !== null && open.has(lastRunUuid);
        planned.push(planAdvance(schedule, { nowMs, workflow, isLastOpen, limits }));
      } catch (error) {
        log.warn({ err: error, schedule: key }, 'a schedule could not be looked at; it will be tried again');
      }
    }
    return planned;
  }

  async #commit(part: readonly PlannedAdvance[], nowMs: number): Promise<void> {
    const { store } = this.#deps;
    failpoint('schedule.due');
    try {
      // If somebody else was faster, the next look says what is left.
      if (await store.commit(part.map(({ advance }) => advance))) this.#committed(part);
    } catch (error) {
      if (!isOfData(error)) throw error;
      if (part.length > 1) {
        for (const planned of part) await this.#commit([planned], nowMs);
        return;
      }
      const [planned] = part as [PlannedAdvance];
      // Without its runs there is nothing left to refuse.
      if (planned.error !== null) throw error;
      await this.#commit([this.#refused(planned, nowMs, error)], nowMs);
    }
  }

  #refused({ schedule, advance, started }: PlannedAdvance, nowMs: number, error: unknown): PlannedAdvance {
    this.#deps.log.error(
      { err: error, schedule: schedule.key },
      'the database refuses the runs of a schedule',
    );
    const reason = { code: 'run_refused', message: 'the database refuses the run' } as const;
    return refusal(schedule, reason, { nowMs, nextAtMs: advance.nextAtMs, ticks: started.length });
  }

  #committed(part: readonly PlannedAdvance[]): void {
    const { hints, log, onTicks = () => {} } = this.#deps;
    failpoint('schedule.started');
    if (part.some(({ advance }) => advance.runs.length > 0)) hints.notify('work');
    for (const { schedule, advance, started, skipped, failed, error } of part) {
      const latenesses = advance.runs.map(({ run }, index) => run.createdAtMs - started[index]!);
      if (started.length > 0) onTicks('started', started.length, latenesses);
      if (skipped > 0) onTicks('skipped', skipped, []);
      if (error === null) continue;
      onTicks('failed', failed, []);
      const { key, projectUuid, lastError } = schedule;
      // Once, and not at each of its ticks.
      if (lastError?.startsWith(`{"code":"${error.code}"`)) continue;
      const project = idOfUuid('proj', projectUuid);
      log.warn({ schedule: key, project, ...error }, 'a schedule could not start a run');
    }
  }

  /** Projects of which more is started than worked off: their ticks wait, and are caught up with as they say. */
  async #fullProjects(): Promise<readonly string[]> {
    const { store, runtime, backlogMax } = this.#deps;
    if (runtime.monotonic() < this.#backlogDueAt) return this.#full;
    const backlogs = await store.backlogs(backlogMax + 1);
    const full = backlogs.filter(({ runs, ageMs }) => runs > backlogMax && ageMs > backlogAgeMsMin);
    this.#full = full.map(({ project }) => project);
    this.#backlogDueAt = runtime.monotonic() + backlogIntervalMs;
    return this.#full;
  }
}

/** Whatever one message may carry. */
function partsOf(planned: readonly PlannedAdvance[]): PlannedAdvance[][] {
  const parts: PlannedAdvance[][] = [];
  let [runs, bytes] = [0, 0];
  for (const each of planned) {
    runs += each.advance.runs.length;
    bytes += each.bytes;
    const part = parts.at(-1);
    if (part !== undefined && runs <= messageRunsMax && bytes <= messageBytesMax) {
      part.push(each);
      continue;
    }
    parts.push([each]);
    [runs, bytes] = [each.advance.runs.length, each.bytes];
  }
  return parts;
}

/** 22xxx, 23xxx, and what our own literals refuse: of what was sent, not of the moment. */
function isOfData(error: unknown): boolean {
  return error instanceof TypeError || /^2[23]/.test(sqlState(error) ?? '');
}
