import { defineWorkflow, Waybill } from '@waybill/sdk';

export const order = defineWorkflow({
  id: 'order',
  saga: true,
  steps: [
    {
      id: 'reserve',
      url: 'https://shop.example/jobs/reserve',
      compensation: 'https://shop.example/jobs/release',
    },
    { id: 'charge', url: 'https://shop.example/jobs/charge', dependsOn: 'reserve', timeout: '30s' },
    { id: 'ship', url: 'https://shop.example/jobs/ship', dependsOn: 'charge' },
  ],
});

const platform = new Waybill();
const run = await platform.workflows.create(
  { ...order, context: { orderId: 'order_123' } },
  { idempotencyKey: 'order_123' },
);
const { state, results } = await platform.workflows.wait(run.id, { timeout: 60 });
console.log(state, results);
