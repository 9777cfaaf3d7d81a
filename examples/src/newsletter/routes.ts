import { setTimeout as work } from 'node:timers/promises';
import { PermanentError, type Waybill } from '@waybill/sdk';
import { Hono } from 'hono';
import type { newsletter } from './workflow.ts';

interface Reader {
  readonly name: string;
  readonly address: string;
  readonly isSubscribed: boolean;
}

const readers: readonly Reader[] = [
  { name: 'Ada', address: 'ada@shop.example', isSubscribed: true },
  { name: 'Blaise', address: 'blaise@shop.example', isSubscribed: true },
  { name: 'Charles', address: 'charles', isSubscribed: true },
  { name: 'Dorothy', address: 'dorothy@shop.example', isSubscribed: false },
  { name: 'Edsger', address: 'edsger@shop.example', isSubscribed: true },
  { name: 'Frances', address: 'frances@shop.example', isSubscribed: true },
];

/** What stands in the list of a `forEach` for a failure that is tolerated. */
interface Failure {
  readonly success: false;
  readonly error: { readonly message: string };
}

interface Results {
  send: readonly ({ readonly sentTo: string } | Failure)[];
}

export function newsletterRoutes(platform: Waybill): Hono {
  const app = new Hono();

  const list = platform.jobs.handler(() => readers);
  app.post('/api/jobs/list-readers', (c) => list(c.req.raw));

  const send = platform.jobs.handler(async ({ step }) => {
    const { address } = step.item as Reader;
    if (!address.includes('@'))
      throw new PermanentError(`"${address}" is no address`, { code: 'no_address' });
    await work(20);
    return { sentTo: address };
  });
  app.post('/api/jobs/send-newsletter', (c) => send(c.req.raw));

  const report = platform.jobs.handler<typeof newsletter, Results>(({ context, previousSteps }) => {
    const outcomes = previousSteps.send?.result ?? [];
    const failed = outcomes.filter((outcome) => 'error' in outcome);
    return { issue: context.issue, sent: outcomes.length - failed.length, failed: failed.length };
  });
  app.post('/api/jobs/report-newsletter', (c) => report(c.req.raw));
  return app;
}
