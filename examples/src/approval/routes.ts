import { PermanentError, type PreviousStep, type Waybill } from '@waybill/sdk';
import { Hono } from 'hono';
import { say } from '../print.ts';
import type { expenses } from './workflow.ts';

interface Decision {
  readonly approved: boolean;
  readonly comment?: string;
}

interface Results {
  approval: Decision;
}

export function approvalRoutes(platform: Waybill): Hono {
  const app = new Hono();

  // The link is the right to decide: here it is printed, in life it goes into the manager's mail.
  const ask = platform.jobs.handler<typeof expenses>(({ context, approvals }) => {
    const link = approvals?.approval?.url;
    if (!link) throw new PermanentError('this server offers no links: it has no WAYBILL_PUBLIC_URL');
    say(`  ${context.employee} spent ${context.amount}; to decide, open ${link}`);
    return { asked: 'manager' };
  });
  app.post('/api/jobs/ask-manager', (c) => ask(c.req.raw));

  const pay = platform.jobs.handler<typeof expenses, Results>(({ context, previousSteps }) => {
    return { paid: context.amount, comment: commentOf(previousSteps.approval) };
  });
  app.post('/api/jobs/pay-expenses', (c) => pay(c.req.raw));

  const decline = platform.jobs.handler<typeof expenses, Results>(({ previousSteps }) => {
    return { paid: 0, comment: commentOf(previousSteps.approval) };
  });
  app.post('/api/jobs/decline-expenses', (c) => decline(c.req.raw));
  return app;
}

function commentOf(approval: PreviousStep<Decision> | undefined): string {
  return approval?.result.comment ?? '';
}
