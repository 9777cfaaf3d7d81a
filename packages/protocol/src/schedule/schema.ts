import { z } from '@hono/zod-openapi';
import {
  metadataSchema,
  settingText,
  stepIdSchema,
  tagsSchema,
  workflowKeySchema,
} from '../definition/texts.ts';
import { durationSchema } from '../duration.ts';

/** A year, in seconds, is what platforms allow; this is what can be counted. */
const hundredYears = 100 * 365 * 86_400;

/** A schedule as a client sends it. What of it has to be looked up or counted is judged by `findTimingFaults` and the API. */
export const scheduleSchema = z.strictObject({
  id: stepIdSchema,
  workflow: workflowKeySchema,
  version: z
    .int()
    .min(1)
    .max(2 ** 31 - 1)
    .optional(),
  cron: settingText({ min: 1, max: 200 }).optional(),
  timeZone: settingText({ min: 1, max: 100 }).optional(),
  every: durationSchema({ min: 1, max: hundredYears }).optional(),
  // As text, and judged by itself.
  context: z.unknown().optional().openapi({ type: 'object' }),
  tags: tagsSchema.optional(),
  metadata: metadataSchema.optional(),
  catchUp: z.enum(['latest', 'all', 'none']).optional(),
  overlap: z.enum(['allow', 'skip', 'cancel']).optional(),
});
