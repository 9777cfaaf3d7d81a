import { Waybill } from '@waybill/sdk';

const platform = new Waybill();

export async function POST(request: Request): Promise<Response> {
  if (!(await platform.jobs.verifyRequest(request))) return new Response('Unauthorized', { status: 401 });
  const { context } = (await request.json()) as { context: { orderId: string } };
  return Response.json({ success: true, result: { charged: context.orderId } });
}
