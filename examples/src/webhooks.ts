import type { Waybill } from '@waybill/sdk';
import { Hono } from 'hono';

/** onComplete and onError come signed like a step; here the signature is checked by hand. */
export function webhookRoutes(platform: Waybill): Hono {
  const app = new Hono();
  app.post('/api/webhooks/:name{workflow-complete|workflow-error}', async (c) => {
    if (!(await platform.jobs.verifyRequest(c.req.raw))) return c.text('Unauthorized', 401);
    return c.json({ success: true });
  });
  return app;
}
