/** The workflows of the seed page (Sylphx, Job Workflows) as they stand; `host` takes the place of their host. */

export function chain(host: string) {
  return {
    id: 'order-processing',
    steps: [
      {
        id: 'validate',
        url: `${host}/api/jobs/validate-order`,
      },
      {
        id: 'reserve-inventory',
        url: `${host}/api/jobs/reserve-inventory`,
        dependsOn: ['validate'],
      },
      {
        id: 'process-payment',
        url: `${host}/api/jobs/process-payment`,
        dependsOn: ['reserve-inventory'],
        retries: {
          maxAttempts: 3,
          backoff: 'exponential' as const,
        },
      },
      {
        id: 'create-shipment',
        url: `${host}/api/jobs/create-shipment`,
        dependsOn: ['process-payment'],
      },
      {
        id: 'send-confirmation',
        url: `${host}/api/jobs/send-confirmation`,
        dependsOn: ['create-shipment'],
      },
    ],
    context: {
      orderId: 'order_123',
      userId: 'user_456',
      items: [
        { sku: 'SKU001', quantity: 2 },
        { sku: 'SKU002', quantity: 1 },
      ],
    },
    onComplete: `${host}/api/webhooks/workflow-complete`,
    onError: `${host}/api/webhooks/workflow-error`,
  };
}

/** The paths of the chain's steps in order. */
export const chainPaths = [
  '/api/jobs/validate-order',
  '/api/jobs/reserve-inventory',
  '/api/jobs/process-payment',
  '/api/jobs/create-shipment',
  '/api/jobs/send-confirmation',
];

export function fanOut(host: string) {
  return {
    id: 'batch-process',
    steps: [
      // Initial step
      {
        id: 'prepare',
        url: `${host}/api/jobs/prepare-batch`,
      },
      // Parallel processing steps (all have same dependency)
      {
        id: 'process-item-1',
        url: `${host}/api/jobs/process-item`,
        dependsOn: ['prepare'],
        parallel: true, // Run in parallel with other parallel steps
      },
      {
        id: 'process-item-2',
        url: `${host}/api/jobs/process-item`,
        dependsOn: ['prepare'],
        parallel: true,
      },
      {
        id: 'process-item-3',
        url: `${host}/api/jobs/process-item`,
        dependsOn: ['prepare'],
        parallel: true,
      },
      // Final step waits for all parallel steps
      {
        id: 'finalize',
        url: `${host}/api/jobs/finalize-batch`,
        dependsOn: ['process-item-1', 'process-item-2', 'process-item-3'],
      },
    ],
    context: {
      batchId: 'batch_123',
      items: ['item_1', 'item_2', 'item_3'],
    },
  };
}

/** Its urls are relative: they resolve against the project's base URL. */
export function graph() {
  return {
    id: 'complex-pipeline',
    steps: [
      { id: 'prepare', url: '/api/jobs/prepare' },

      // Parallel processing
      { id: 'process-a', url: '/api/jobs/process-a', dependsOn: ['prepare'], parallel: true },
      { id: 'process-b', url: '/api/jobs/process-b', dependsOn: ['prepare'], parallel: true },
      { id: 'process-c', url: '/api/jobs/process-c', dependsOn: ['prepare'], parallel: true },

      // Validation runs after process-c specifically
      { id: 'validate', url: '/api/jobs/validate', dependsOn: ['process-c'] },

      // Aggregate waits for all processing
      { id: 'aggregate', url: '/api/jobs/aggregate', dependsOn: ['process-a', 'process-b', 'process-c'] },

      // Notify waits for both aggregate AND validate
      { id: 'notify', url: '/api/jobs/notify', dependsOn: ['aggregate', 'validate'] },
    ],
    context: { pipelineId: 'pipeline_123' },
  };
}

export function saga(host: string) {
  return {
    id: 'order-saga',
    saga: true, // Enable saga mode
    steps: [
      {
        id: 'reserve-inventory',
        url: `${host}/api/jobs/reserve-inventory`,
        compensation: `${host}/api/jobs/release-inventory`,
      },
      {
        id: 'charge-payment',
        url: `${host}/api/jobs/charge-payment`,
        dependsOn: ['reserve-inventory'],
        compensation: `${host}/api/jobs/refund-payment`,
      },
      {
        id: 'create-shipment',
        url: `${host}/api/jobs/create-shipment`,
        dependsOn: ['charge-payment'],
        compensation: `${host}/api/jobs/cancel-shipment`,
      },
      {
        id: 'notify-customer',
        url: `${host}/api/jobs/notify-customer`,
        dependsOn: ['create-shipment'],
        // No compensation needed - notification is not reversible
      },
    ],
    context: {
      orderId: 'order_123',
      userId: 'user_456',
    },
  };
}
