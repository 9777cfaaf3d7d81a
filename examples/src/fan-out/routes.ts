import { setTimeout as work } from 'node:timers/promises';
import type { Waybill } from '@waybill/sdk';
import { Hono } from 'hono';
import type { batchProcess } from './workflow.ts';

interface Processed {
  readonly success: boolean;
  readonly processedCount?: number;
}

export function fanOutRoutes(platform: Waybill): Hono {
  const app = new Hono();

  const prepare = platform.jobs.handler<typeof batchProcess>(({ context }) => {
    return { count: context.items.length };
  });
  app.post('/api/jobs/prepare-batch', (c) => prepare(c.req.raw));

  const process = platform.jobs.handler(async ({ payload }) => {
    const { item } = payload as { item: string };
    await work(50);
    return { item, processedCount: item.length };
  });
  app.post('/api/jobs/process-item', (c) => process(c.req.raw));

  // In `previousSteps` an object result carries `success` as well.
  const finalize = platform.jobs.handler<typeof batchProcess>(({ context, previousSteps }) => {
    const results = Object.entries(previousSteps)
      .filter(([stepId]) => stepId.startsWith('process-'))
      .map(([, step]) => step.result as Processed);
    return {
      batchId: context.batchId,
      total: results.length,
      successful: results.filter((result) => result.success).length,
      totalProcessed: results.reduce((sum, result) => sum + (result.processedCount ?? 0), 0),
    };
  });
  app.post('/api/jobs/finalize-batch', (c) => finalize(c.req.raw));
  return app;
}
