import { setTimeout as work } from 'node:timers/promises';
import { type Job, PermanentError, RetryableError, type WorkflowDefinition } from '@waybill/sdk';
import type { Order } from './workflows.ts';

type OrderJob = Job<WorkflowDefinition<string, Order>>;

/** Results by `webhook-id`, which is the same on every attempt of a step. A real shop has a unique column. */
const done = new Map<string, unknown>();

/** A step may be sent more than once; this makes what it does happen once. */
function once(job: OrderJob): OrderJob {
  return async (input) => {
    const id = input.request.headers.get('webhook-id')!;
    if (!done.has(id)) done.set(id, await job(input));
    return done.get(id);
  };
}

export const validateOrder: OrderJob = ({ context }) => {
  if (!context.orderId) throw new PermanentError('the order has no id', { code: 'invalid_order' });
  return { valid: true };
};

export const reserveInventory = once(async ({ context }) => {
  await work(15);
  return { reservationId: `res_${context.orderId}` };
});

export const releaseInventory: OrderJob = async ({ result }) => {
  await work(5);
  return { released: (result as { reservationId: string }).reservationId };
};

/** Its provider is busy at first: 503, so the step is tried again after its back-off. */
export const processPayment = once(async ({ context, step }) => {
  if (step.attempt === 1) throw new RetryableError('the payment provider is busy');
  await work(20);
  return { paymentId: `pay_${context.orderId}` };
});

export const chargePayment = once(async ({ context }) => {
  await work(20);
  return { paymentId: `pay_${context.orderId}` };
});

export const refundPayment: OrderJob = async ({ result }) => {
  await work(10);
  return { refunded: (result as { paymentId: string }).paymentId };
};

export const createShipment = once(async ({ context }) => {
  await work(10);
  if (context.shipTo === 'the Moon') {
    throw new PermanentError('no carrier ships to the Moon', { code: 'no_carrier' });
  }
  return { trackingNumber: `track_${context.orderId}` };
});

export const cancelShipment: OrderJob = ({ result }) => ({ cancelled: result });

/** Sees what every earlier step gave. */
export const confirm = once(({ context, previousSteps }) => {
  const shipment = previousSteps['create-shipment']?.result as { trackingNumber: string };
  return { sentTo: context.userId, trackingNumber: shipment.trackingNumber };
});
