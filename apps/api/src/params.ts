import { z } from '@hono/zod-openapi';
import { Problem, workflowKeySchema } from '@waybill/protocol';

/** A number of a stored version fits PostgreSQL's int4. */
export const versionMax = 2 ** 31 - 1;
export const versionNumber = z.int().min(1).max(versionMax);

/** A run id, or a workflow key for its latest run. */
export const idParam = z.object({ id: z.string() });

export const keyParam = z.object({ key: workflowKeySchema });

/** What can be no key names nothing, and never reaches a query. @throws Problem `not_found`. */
export function requireKey(text: string, what = 'workflow'): string {
  if (workflowKeySchema.safeParse(text).success) return text;
  throw new Problem('not_found', `no ${what} "${text}"`);
}
