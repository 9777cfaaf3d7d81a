import { defineWorkflow } from '@waybill/sdk';

export interface Order {
  readonly orderId: string;
  readonly userId: string;
  readonly items?: readonly { readonly sku: string; readonly quantity: number }[];
  readonly shipTo?: string;
}

/** Five steps, one after the other. URLs are relative to the project's base URL. */
export const orderProcessing = defineWorkflow({
  id: 'order-processing',
  steps: [
    { id: 'validate', url: '/api/jobs/validate-order' },
    { id: 'reserve-inventory', url: '/api/jobs/reserve-inventory', dependsOn: ['validate'] },
    {
      id: 'process-payment',
      url: '/api/jobs/process-payment',
      dependsOn: ['reserve-inventory'],
      retries: { maxAttempts: 3, backoff: 'exponential', initialDelay: '250ms' },
    },
    { id: 'create-shipment', url: '/api/jobs/create-shipment', dependsOn: ['process-payment'] },
    { id: 'send-confirmation', url: '/api/jobs/send-confirmation', dependsOn: ['create-shipment'] },
  ],
  context: {
    orderId: 'order_123',
    userId: 'user_456',
    items: [
      { sku: 'SKU001', quantity: 2 },
      { sku: 'SKU002', quantity: 1 },
    ],
  },
  onComplete: '/api/webhooks/workflow-complete',
  onError: '/api/webhooks/workflow-error',
});

/** A saga: when a step fails, the completed ones are compensated in reverse order. */
export const orderSaga = defineWorkflow({
  id: 'order-saga',
  saga: true,
  steps: [
    {
      id: 'reserve-inventory',
      url: '/api/jobs/reserve-inventory',
      compensation: '/api/jobs/release-inventory',
    },
    {
      id: 'charge-payment',
      url: '/api/jobs/charge-payment',
      dependsOn: ['reserve-inventory'],
      compensation: '/api/jobs/refund-payment',
    },
    {
      id: 'create-shipment',
      url: '/api/jobs/create-shipment',
      dependsOn: ['charge-payment'],
      compensation: '/api/jobs/cancel-shipment',
    },
    { id: 'notify-customer', url: '/api/jobs/notify-customer', dependsOn: ['create-shipment'] },
  ],
  context: { orderId: 'order_124', userId: 'user_456', shipTo: 'the Moon' },
  onError: '/api/webhooks/workflow-error',
});
