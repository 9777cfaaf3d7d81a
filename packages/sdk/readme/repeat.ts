import { Waybill } from '@waybill/sdk';

const platform = new Waybill();

await platform.schedules.put({
  id: 'nightly',
  workflow: 'report',
  cron: '0 3 * * *',
  timeZone: 'Europe/Berlin',
  overlap: 'skip',
});
const { data } = await platform.workflows.list({ metadata: { schedule: 'nightly' } });
console.log(data.map(({ metadata, state }) => `${metadata.scheduledAt} ${state}`));
