import type { Job, Waybill, WorkflowDefinition } from '@waybill/sdk';
import { Hono } from 'hono';
import * as jobs from './jobs.ts';
import type { Order } from './workflows.ts';

export function orderRoutes(platform: Waybill): Hono {
  const app = new Hono();
  const post = (path: string, job: Job<WorkflowDefinition<string, Order>>) => {
    const handler = platform.jobs.handler(job);
    app.post(path, (c) => handler(c.req.raw));
  };
  post('/api/jobs/validate-order', jobs.validateOrder);
  post('/api/jobs/reserve-inventory', jobs.reserveInventory);
  post('/api/jobs/release-inventory', jobs.releaseInventory);
  post('/api/jobs/process-payment', jobs.processPayment);
  post('/api/jobs/charge-payment', jobs.chargePayment);
  post('/api/jobs/refund-payment', jobs.refundPayment);
  post('/api/jobs/create-shipment', jobs.createShipment);
  post('/api/jobs/cancel-shipment', jobs.cancelShipment);
  post('/api/jobs/send-confirmation', jobs.confirm);
  post('/api/jobs/notify-customer', jobs.confirm);
  return app;
}
