import { defineWorkflow } from '@waybill/sdk';

const items = ['item_1', 'item_2', 'item_3'];

/** One step prepares, three run side by side, the last collects what they gave. */
export const batchProcess = defineWorkflow({
  id: 'batch-process',
  steps: [
    { id: 'prepare', url: '/api/jobs/prepare-batch' },
    ...items.map((item, index) => ({
      id: `process-item-${index + 1}`,
      url: '/api/jobs/process-item',
      dependsOn: ['prepare'],
      parallel: true,
      payload: { item },
    })),
    {
      id: 'finalize',
      url: '/api/jobs/finalize-batch',
      dependsOn: items.map((_, index) => `process-item-${index + 1}`),
    },
  ],
  context: { batchId: 'batch_123', items },
});
