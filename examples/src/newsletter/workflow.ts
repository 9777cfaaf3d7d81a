import { defineWorkflow } from '@waybill/sdk';

/** One request for each reader that the first step finds, three at a time; one in five may fail. */
export const newsletter = defineWorkflow({
  id: 'newsletter',
  steps: [
    { id: 'readers', url: '/api/jobs/list-readers' },
    {
      id: 'send',
      url: '/api/jobs/send-newsletter',
      dependsOn: 'readers',
      forEach: 'steps.readers.result.filter(reader, reader.isSubscribed)',
      maxConcurrency: 3,
      toleratedFailures: '20%',
    },
    { id: 'report', url: '/api/jobs/report-newsletter', dependsOn: 'send' },
  ],
  context: { issue: 7 },
});
