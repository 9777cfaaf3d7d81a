import { z } from '@hono/zod-openapi';
import { metadataSchema, scheduleSchema, stepIdSchema } from '@waybill/protocol';

const time = z.iso.datetime();

export const scheduleParam = z.object({ scheduleId: stepIdSchema });

export const createScheduleBody = scheduleSchema.openapi('CreateSchedule');

/** The path has the id already. */
export const putScheduleBody = scheduleSchema.partial({ id: true }).openapi('PutSchedule');

const summaryFields = {
  id: z.string(),
  workflow: z.string(),
  version: z.int().nullable(),
  cron: z.string().nullable(),
  timeZone: z.string().nullable(),
  every: z.number().nullable(),
  tags: z.array(z.string()).nullable(),
  metadata: metadataSchema,
  catchUp: z.enum(['latest', 'all', 'none']),
  overlap: z.enum(['allow', 'skip', 'cancel']),
  state: z.enum(['active', 'paused']),
  createdAt: time,
  updatedAt: time,
  nextAt: time.nullable(),
  lastAt: time.nullable(),
  lastRunId: z.string().nullable(),
  lastError: z.object({ code: z.string(), message: z.string(), at: time }).nullable(),
};

/** As lists show it. */
export const scheduleSummary = z.object(summaryFields).openapi('ScheduleSummary');

export const scheduleView = z
  .object({ ...summaryFields, context: z.record(z.string(), z.unknown()), upcoming: z.array(time) })
  .openapi('Schedule');
