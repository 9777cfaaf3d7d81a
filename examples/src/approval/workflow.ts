import { defineWorkflow } from '@waybill/sdk';

/** A person decides, by a link that needs no API key. Nobody within a week: that is a no. */
export const expenses = defineWorkflow({
  id: 'expenses',
  timeout: '30d',
  steps: [
    { id: 'ask', url: '/api/jobs/ask-manager' },
    {
      id: 'approval',
      waitFor: { signal: 'approved', timeout: '7d', default: { approved: false } },
      dependsOn: 'ask',
    },
    {
      id: 'pay',
      url: '/api/jobs/pay-expenses',
      dependsOn: 'approval',
      when: 'steps.approval.result.approved',
    },
    {
      id: 'decline',
      url: '/api/jobs/decline-expenses',
      dependsOn: 'approval',
      when: '!steps.approval.result.approved',
    },
  ],
  context: { employee: 'Ada', amount: 120 },
});
