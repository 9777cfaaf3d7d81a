import { Waybill } from '@waybill/sdk';

const { workflows } = new Waybill();

/** Once what made it fail is mended. */
export async function recover(runId: string): Promise<string> {
  const { state, compensation } = await workflows.getStatus(runId);
  if (state !== 'failed') return runId;
  if (compensation.length === 0) {
    await workflows.retry(runId);
    return runId;
  }
  return (await workflows.rerun(runId, { context: { orderId: 'order_123', carrier: 'another' } })).id;
}
