import { PermanentError, RetryableError, Waybill } from '@waybill/sdk';

const platform = new Waybill();

export const charge = platform.jobs.handler(async ({ context, previousSteps, step }) => {
  const reserved = previousSteps.reserve?.result;
  const payment = await pay(context.orderId, reserved);
  if (payment === 'declined') throw new PermanentError('card declined', { code: 'card_declined' });
  if (payment === 'busy') throw new RetryableError('bank is busy', { retryAfter: 10 });
  return { payment, attempt: step.attempt };
});

async function pay(_orderId: unknown, _reserved: unknown): Promise<string> {
  return 'paid';
}
