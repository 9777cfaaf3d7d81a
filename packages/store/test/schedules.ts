import { derivedUuid } from '@waybill/protocol';
import type { DueSchedule, ScheduleAdvance } from '../src/schedule-ticks.ts';
import { addSchedule, type ScheduleSettings } from '../src/schedules.ts';
import { type Database, newRun, newUuid, projectUuid } from './harness.ts';

export function settings(key: string, fields: Partial<ScheduleSettings> = {}): ScheduleSettings {
  return {
    ...{ projectUuid, key, workflowKey: 'flow', version: null, cron: null, timeZone: null, everyMs: 1000 },
    ...{ context: '{}', tags: null, metadata: null, catchUp: 'all', overlap: 'allow' },
    ...fields,
  };
}

/** One whose next tick is at `nextAtMs`, after 1970. */
export async function add(
  sql: Database,
  key: string,
  { nextAtMs = 1000, ...fields }: Partial<ScheduleSettings> & { readonly nextAtMs?: number | null } = {},
): Promise<string> {
  const uuid = newUuid();
  await addSchedule(sql, { uuid, settings: settings(key, fields), nowMs: Date.now(), nextAtMs }, 1000);
  return uuid;
}

/** Of one tick, at a time that has a partition. */
export function advance(
  schedule: Pick<DueSchedule, 'uuid' | 'revision' | 'nextAtMs'>,
  fields: Partial<ScheduleAdvance> = {},
): ScheduleAdvance {
  const atMs = Date.now();
  const uuid = derivedUuid(atMs, `${schedule.uuid}:${schedule.nextAtMs}`);
  const run = newRun({ metadata: JSON.stringify({ schedule: schedule.uuid }) });
  return {
    schedule,
    nextAtMs: schedule.nextAtMs + 1000,
    last: { atMs: schedule.nextAtMs, runUuid: uuid },
    error: null,
    runs: [{ uuid, run, event: { type: 'run.created', at: atMs } }],
    posts: [],
    ...fields,
  };
}
