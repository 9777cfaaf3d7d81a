import { ApiError, Waybill } from '@waybill/sdk';

const platform = new Waybill();

export async function cancelIfRunning(runId: string): Promise<boolean> {
  try {
    await platform.workflows.cancel(runId);
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status === 409) return false;
    throw error;
  }
}
