import { Waybill } from '@waybill/sdk';

const platform = new Waybill();

export async function report(runId: string): Promise<void> {
  for await (const event of platform.workflows.events(runId)) {
    if (event.type === 'step.completed') console.log(event.step, `${event.durationMs} ms`);
    if (event.type === 'step.failed') console.error(event.step, event.error.message);
  }
}
