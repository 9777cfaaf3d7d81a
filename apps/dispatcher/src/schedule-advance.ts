import {
  type CatchUp,
  derivedUuid,
  dueTicks,
  freshStateBytes,
  isoTime,
  type Limits,
  limitOf,
  timingOf,
} from '@waybill/protocol';
import type { DueSchedule, InboxRow, NewChild, ScheduleAdvance } from '@waybill/store';
import type { FoundWorkflow } from './children.ts';

/** Runs of one schedule that are started at once: what it has to catch up with comes in portions. */
const ticksMax = 50;
const bytesMax = 4 * 1024 * 1024;

export interface AdvanceFacts {
  /** The database's clock, in epoch ms. */
  readonly nowMs: number;
  /** Null: it is not there. */
  readonly workflow: FoundWorkflow | null;
  /** Its newest run has not ended. */
  readonly isLastOpen: boolean;
  readonly limits: Pick<Limits, 'contextBytesMax'>;
}

/** Why a tick could not be started. */
export interface TickError {
  readonly code: 'unknown_workflow' | 'context_too_large' | 'run_refused';
  readonly message: string;
}

export interface PlannedAdvance {
  readonly schedule: DueSchedule;
  readonly advance: ScheduleAdvance;
  /** Ticks that are started, by their time; those left out since the run before goes on; those that cannot be. */
  readonly started: readonly number[];
  readonly skipped: number;
  readonly failed: number;
  readonly error: TickError | null;
  readonly bytes: number;
}

/** What is to be done about a schedule of which a tick is due. @throws Error for a pattern that is not known here. */
export function planAdvance(schedule: DueSchedule, facts: AdvanceFacts): PlannedAdvance {
  const { context, overlap } = schedule;
  const { ticks, nextAtMs } = dueTicks(timingOf(schedule), {
    tickMs: schedule.nextAtMs,
    nowMs: facts.nowMs,
    catchUp: schedule.catchUp as CatchUp,
    ticksMax: Math.max(1, Math.min(ticksMax, Math.floor(bytesMax / context.length))),
  });
  const error = ticks.length === 0 ? null : errorOf(schedule, facts);
  if (error !== null) return refusal(schedule, error, { ...facts, nextAtMs, ticks: ticks.length });
  const started = overlap === 'skip' ? ticks.slice(0, facts.isLastOpen ? 0 : 1) : ticks;
  const runs = started.map((atMs) => runOf(schedule, atMs, facts));
  const lastAtMs = started.at(-1);
  return {
    schedule,
    advance: {
      schedule,
      nextAtMs,
      last: lastAtMs === undefined ? null : { atMs: lastAtMs, runUuid: runs.at(-1)!.uuid },
      error: runs.length > 0 ? null : undefined,
      runs,
      posts: overlap === 'cancel' ? cancelsOf(schedule, runs, facts) : [],
    },
    started,
    skipped: ticks.length - started.length,
    failed: 0,
    error: null,
    bytes: runs.length * (context.length + runBytes),
  };
}

/** What a run costs in the message beside its context. */
const runBytes = 1000;

export interface Refused {
  readonly nowMs: number;
  readonly nextAtMs: number | null;
  /** How many cannot be started. */
  readonly ticks: number;
}

/** The schedule goes on without the runs of these ticks, and says why. */
export function refusal(schedule: DueSchedule, error: TickError, refused: Refused): PlannedAdvance {
  const { nowMs, nextAtMs, ticks } = refused;
  const noted = JSON.stringify({ ...error, at: isoTime(nowMs) });
  return {
    schedule,
    advance: { schedule, nextAtMs, last: null, error: noted, runs: [], posts: [] },
    ...{ started: [], skipped: 0, failed: ticks, error, bytes: runBytes },
  };
}

function errorOf(
  { workflowKey, version, context }: DueSchedule,
  { workflow, limits }: AdvanceFacts,
): TickError | null {
  if (!workflow) {
    const what = version === null ? '' : `version ${version} of `;
    return { code: 'unknown_workflow', message: `no ${what}workflow "${workflowKey}"` };
  }
  const bytes = Buffer.byteLength(context);
  const limit = limitOf(limits, 'contextBytesMax');
  if (bytes <= limit.value) return null;
  const message = `the context has ${bytes} bytes, above contextBytesMax ${limit.value}`;
  return { code: 'context_too_large', message };
}

/** The id follows from schedule and tick: whoever starts this tick, now or again, means this run. */
function runOf(
  { uuid: scheduleUuid, projectUuid, key, context, tags, metadata }: DueSchedule,
  atMs: number,
  { nowMs, workflow }: AdvanceFacts,
): NewChild {
  const { plan, version } = workflow!;
  const { definition } = plan;
  return {
    uuid: derivedUuid(atMs, `${scheduleUuid}:${atMs}`),
    run: {
      projectUuid,
      workflowKey: definition.id,
      version,
      context,
      stateBytes: freshStateBytes(plan, context),
      tags: tags ?? definition.tags ?? [],
      metadata: JSON.stringify({
        ...definition.metadata,
        ...(metadata === null ? {} : (JSON.parse(metadata) as object)),
        schedule: key,
        scheduledAt: isoTime(atMs),
      }),
      createdAtMs: nowMs,
      startedAtMs: null,
    },
    event: { type: 'run.created', at: nowMs },
  };
}

/** Each run ends the one before it. Their ids are derived, too: a repeat is the same command. */
function cancelsOf(
  { lastRunUuid }: DueSchedule,
  runs: readonly NewChild[],
  { isLastOpen, nowMs }: AdvanceFacts,
): InboxRow[] {
  const before = [isLastOpen ? lastRunUuid : null, ...runs.slice(0, -1).map(({ uuid }) => uuid)];
  return runs.flatMap(({ uuid }, index) => {
    const runUuid = before[index];
    if (!runUuid) return [];
    return [{ runUuid, id: derivedUuid(nowMs, `${uuid}:cancel`), command: cancelled }];
  });
}

const cancelled = JSON.stringify({ type: 'cancel', reason: 'the next run of its schedule starts' });
