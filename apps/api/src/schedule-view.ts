import { idOfUuid, isoTime, nextTicks, objectText, timingOf } from '@waybill/protocol';
import type { ListedSchedule, ScheduleRow } from '@waybill/store';
import type { Context } from 'hono';

/** Ticks that are foretold. */
const upcomingMax = 5;

/** A schedule as lists show it. */
export function scheduleSummaryOf(row: ListedSchedule) {
  return {
    id: row.key,
    workflow: row.workflowKey,
    version: row.version,
    cron: row.cron,
    timeZone: row.timeZone,
    every: row.everyMs === null ? null : row.everyMs / 1000,
    tags: row.tags,
    metadata: parsed(row.metadata) ?? {},
    catchUp: row.catchUp,
    overlap: row.overlap,
    state: row.isPaused ? 'paused' : 'active',
    createdAt: isoTime(row.createdAtMs),
    updatedAt: isoTime(row.updatedAtMs),
    nextAt: row.isPaused ? null : isoTime(row.nextAtMs),
    lastAt: isoTime(row.lastAtMs),
    lastRunId: row.lastRunUuid === null ? null : idOfUuid('run', row.lastRunUuid),
    lastError: parsed(row.lastError),
  };
}

/** The whole of it; its context travels as it came. */
export function scheduleResponse(c: Context, row: ScheduleRow, status: 200 | 201 = 200): Response {
  const summary = Object.entries(scheduleSummaryOf(row)).map(
    ([name, value]) => [name, JSON.stringify(value)] as const,
  );
  const text = objectText([
    ...summary,
    ['context', row.context],
    ['upcoming', JSON.stringify(upcomingOf(row).map((ms) => isoTime(ms)))],
  ]);
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (status === 201) headers.location = `/v1/schedules/${row.key}`;
  return c.body(text, status, headers);
}

function upcomingOf(row: ScheduleRow): number[] {
  if (row.isPaused || row.nextAtMs === null) return [];
  return [row.nextAtMs, ...nextTicks(timingOf(row), row.nextAtMs, upcomingMax - 1)];
}

function parsed(text: string | null): unknown {
  return text === null ? null : JSON.parse(text);
}
