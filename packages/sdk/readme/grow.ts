import { completed, PermanentError, Waybill } from '@waybill/sdk';

const platform = new Waybill();

export const split = platform.jobs.handler(async ({ context }) => {
  const parcels = context.parcels as { sku: string }[];
  if (parcels.length === 0) {
    const tell = { id: 'tell', url: '/jobs/tell', runCondition: 'onFailure' } as const;
    throw new PermanentError('nothing to send', { code: 'empty', addSteps: [tell] });
  }
  const steps = parcels.map((payload, n) => ({ id: `send-${n}`, url: '/jobs/send', payload }));
  return completed({ parcels: parcels.length }, { addSteps: steps });
});

/** Of `forEach: 'context.readers'`: called once for each. */
export const notify = platform.jobs.handler(async ({ step }) => {
  const { address } = step.item as { address: string };
  return { place: step.index, sentTo: address };
});
