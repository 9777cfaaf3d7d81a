import { pending, Waybill } from '@waybill/sdk';

const platform = new Waybill();
const asked = new Map<string, string>(); // in life a table: it must outlive this process

export const approve = platform.jobs.handler(async ({ context, callback }) => {
  if (!callback) throw new Error('this server offers no callbacks: it has no WAYBILL_PUBLIC_URL');
  asked.set(String(context.orderId), callback.url);
  return pending();
});

export async function decided(orderId: string, by: string, isApproved: boolean): Promise<void> {
  const url = asked.get(orderId);
  if (url === undefined) throw new Error(`nobody waits for a word on ${orderId}`);
  if (isApproved) await platform.callbacks.complete(url, { by });
  else await platform.callbacks.fail(url, { code: 'declined', message: `declined by ${by}` });
}
