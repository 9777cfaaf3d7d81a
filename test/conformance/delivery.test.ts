/** Rows 21 to 23: signatures. Rows 19 and 24 are in startup.test.ts, because they need servers of their own. */

import { Waybill } from '@waybill/sdk';
import { Webhook } from 'standardwebhooks';
import { beforeEach, describe, expect, test } from 'vitest';
import type { SeenRequest } from '../support/handlers.ts';
import { webRequest } from '../support/seed-fan-in.ts';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();

describe('signature', () => {
  let genuine: SeenRequest;

  beforeEach(async () => {
    const { client, handlers } = platform.now;
    const steps = [{ id: 'a', url: `${handlers.url}/a` }];
    await client.runToEnd({ id: 'signed', steps, context: { name: 'Zoë 🚀', price: 1.5 } });
    genuine = handlers.requests('/a')[0]!;
  });

  test('21 verifyRequest is true for a genuine request and req.json() still works after it', async () => {
    const request = webRequest(genuine);
    expect(await platform.sdk().jobs.verifyRequest(request)).toBe(true);
    expect(await request.json()).toMatchObject({
      context: { name: 'Zoë 🚀', price: 1.5 },
      previousSteps: {},
    });
  });

  test('21 the reference library of Standard Webhooks accepts it unchanged', () => {
    const webhook = new Webhook(platform.now.signingSecret);
    expect(webhook.verify(genuine.raw, genuine.headers as Record<string, string>)).toEqual(genuine.body);
  });

  test('22 verifyRequest is false for a changed byte, in the body or in the id', async () => {
    const { jobs } = platform.sdk();
    expect(await jobs.verifyRequest(webRequest(genuine, { raw: genuine.raw.replace('1.5', '1.6') }))).toBe(
      false,
    );
    expect(await jobs.verifyRequest(webRequest(genuine, { headers: { 'webhook-id': 'msg_other' } }))).toBe(
      false,
    );
  });

  test('22 verifyRequest is false for a wrong secret', async () => {
    const signingSecret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
    expect(await new Waybill({ signingSecret }).jobs.verifyRequest(webRequest(genuine))).toBe(false);
  });

  test.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])(
    '22 verifyRequest is false without %s',
    async (name) => {
      expect(await platform.sdk().jobs.verifyRequest(webRequest(genuine, { headers: { [name]: '' } }))).toBe(
        false,
      );
    },
  );

  test.each([
    [310, false],
    [290, true],
  ])('22 a request signed %i s ago verifies: %s', async (ageSeconds, expected) => {
    const id = genuine.headers['webhook-id'] as string;
    const date = new Date(Date.now() - ageSeconds * 1000);
    const signature = new Webhook(platform.now.signingSecret).sign(id, date, genuine.raw);
    const timestamp = String(Math.floor(date.getTime() / 1000));
    const headers = { 'webhook-timestamp': timestamp, 'webhook-signature': signature };
    expect(await platform.sdk().jobs.verifyRequest(webRequest(genuine, { headers }))).toBe(expected);
  });
});

test('23 a handler answering 401 is sent once and the step fails', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/a', { status: 401, body: 'Unauthorized' });
  const run = await client.runToEnd({ id: 'unauthorised', steps: [{ id: 'a', url: `${handlers.url}/a` }] });
  expect(run).toMatchObject({
    state: 'failed',
    failedSteps: ['a'],
    steps: [{ attempts: 1, error: { status: 401 } }],
  });
  expect(handlers.requests('/a')).toHaveLength(1);
});
