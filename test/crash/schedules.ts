import { connectDatabase } from '../support/database.ts';
import type { Caller } from './caller.ts';

/** Ticks that can be told without the library that the scheduler has them from: at `fromMs + n · everyMs`. */
export interface WatchedSchedule {
  readonly id: string;
  readonly everyMs: number;
  /** Of a pattern 0: it ticks at whole multiples. */
  readonly fromMs: number;
  readonly createdAtMs: number;
  /** Every tick has its run; else none has two. */
  readonly isWhole: boolean;
}

export interface ScheduleSpec {
  readonly id: string;
  readonly workflow: string;
  readonly cron?: string;
  readonly timeZone?: string;
  readonly every?: string;
  readonly catchUp: 'all' | 'latest' | 'none';
}

export async function putSchedule(
  caller: Caller,
  spec: ScheduleSpec,
  everyMs: number,
): Promise<WatchedSchedule> {
  const answer = await caller.call('PUT', `/v1/schedules/${spec.id}`, spec);
  if (answer === null || (answer.status !== 201 && answer.status !== 200)) {
    throw new Error(`PUT of the schedule ${spec.id} was answered ${JSON.stringify(answer)}`);
  }
  const createdAtMs = Date.parse(answer.body.createdAt as string);
  const fromMs = spec.cron === undefined ? createdAtMs : 0;
  return { id: spec.id, everyMs, fromMs, createdAtMs, isWhole: spec.catchUp === 'all' };
}

/** Of every run that a schedule has started, the tick, in order; by schedule, past the API. */
export async function startedTicks(databaseUrl: string): Promise<ReadonlyMap<string, readonly number[]>> {
  const sql = connectDatabase(databaseUrl);
  try {
    const rows = await sql<{ id: string; at: string }[]>`
      select metadata::json->>'schedule' as id, metadata::json->>'scheduledAt' as at from runs
       where metadata::json->>'scheduledAt' is not null`;
    const ticks = new Map<string, number[]>();
    for (const { id, at } of rows) ticks.set(id, [...(ticks.get(id) ?? []), Date.parse(at)]);
    return new Map([...ticks].map(([id, times]) => [id, times.toSorted((a, b) => a - b)]));
  } finally {
    await sql.end();
  }
}

/** The ticks up to a time that have to have a run by now, and have none. */
export function missingTicks(
  { everyMs, fromMs, createdAtMs }: WatchedSchedule,
  started: readonly number[],
  untilMs: number,
): number[] {
  const has = new Set(started);
  const missing: number[] = [];
  const first = fromMs + (Math.floor((createdAtMs - fromMs) / everyMs) + 1) * everyMs;
  for (let at = first; at <= untilMs; at += everyMs) if (!has.has(at)) missing.push(at);
  return missing;
}

/** Ticks of one schedule against what was started: none twice, none that is none, and of a whole one none missing. */
export function* tickFaults(
  schedule: WatchedSchedule,
  started: readonly number[],
  untilMs: number,
): Generator<string> {
  const { id, everyMs, fromMs, createdAtMs, isWhole } = schedule;
  const iso = (ms: number) => new Date(ms).toISOString();
  for (const [index, at] of started.entries()) {
    if (at === started[index - 1]) yield `${id}: the tick of ${iso(at)} has two runs`;
    const isTick = (at - fromMs) % everyMs === 0 && at > createdAtMs;
    if (!isTick) yield `${id}: ${iso(at)} is none of its ticks`;
  }
  // Behind the last one that is asked for, too: what was started goes on without a gap.
  const last = Math.max(untilMs, started.at(-1) ?? 0);
  const missing = isWhole ? missingTicks(schedule, started, last) : [];
  for (const at of missing) yield `${id}: the tick of ${iso(at)} has no run`;
  if (started.length === 0 && missingTicks(schedule, [], untilMs).length > 0) yield `${id}: started nothing`;
}
