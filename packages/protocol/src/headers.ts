/** Names on the wire between Waybill and a handler. */
export const wire = {
  id: 'webhook-id',
  timestamp: 'webhook-timestamp',
  signature: 'webhook-signature',
  run: 'waybill-run',
  workflow: 'waybill-workflow',
  step: 'waybill-step',
  attempt: 'waybill-attempt',
  /** In an answer: `pending` beside a 202. */
  callback: 'waybill-callback',
  /** In an answer: `abort` makes the failure permanent. */
  delivery: 'webhook-delivery',
} as const;

export const version = '0.1.0';
export const userAgent = `Waybill/${version}`;
