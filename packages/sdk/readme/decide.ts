import { Waybill } from '@waybill/sdk';

const platform = new Waybill();

/** The step above one with `id: 'approval', waitFor: 'approved'`. */
export const ask = platform.jobs.handler(async ({ approvals }) => {
  const link = approvals?.approval?.url;
  if (!link) throw new Error('this server offers no links: it has no WAYBILL_PUBLIC_URL');
  return { mailed: `please decide: ${link}` };
});

export async function decided(runId: string, by: string): Promise<void> {
  await platform.workflows.signal(runId, 'approved', { approved: true, by });
}
