import { Problem, stepIdSchema } from '@waybill/protocol';
import { findSchedule, type ScheduleRow } from '@waybill/store';
import type { Context } from 'hono';
import type { ApiEnv } from './deps.ts';
import type { Services } from './services.ts';

/** That of the path, of the caller's project. @throws Problem `not_found` */
export async function requireSchedule({ deps }: Services, c: Context<ApiEnv>): Promise<ScheduleRow> {
  const key = c.req.param('scheduleId')!;
  const isPossible = stepIdSchema.safeParse(key).success;
  const row = isPossible ? await findSchedule(deps.database, c.get('principal').projectUuid, key) : null;
  if (row) return row;
  throw noSchedule(key);
}

export function noSchedule(key: string): Problem {
  return new Problem('not_found', `no schedule "${key}"`);
}
