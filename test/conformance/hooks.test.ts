/** Rows 13 to 15: onComplete and onError. */

import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import type { SeenRequest } from '../support/handlers.ts';
import { chain } from '../support/seed-definitions.ts';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();
const completePath = '/api/webhooks/workflow-complete';
const errorPath = '/api/webhooks/workflow-error';

/** Throws unless the reference library of Standard Webhooks accepts the request. */
function verify({ raw, headers }: SeenRequest): void {
  new Webhook(platform.now.signingSecret).verify(raw, headers as Record<string, string>);
}

test('13 onComplete gets one signed POST with run id and results; onError none', async () => {
  const { client, handlers } = platform.now;
  const { id } = await client.run(chain(handlers.url));
  const run = await client.done(id);
  expect(handlers.requests(errorPath)).toEqual([]);
  const hooks = handlers.requests(completePath);
  expect(hooks).toHaveLength(1);
  verify(hooks[0]!);
  expect(hooks[0]!.body).toMatchObject({
    type: 'workflow.completed',
    runId: id,
    state: 'completed',
    failedSteps: [],
  });
  expect(hooks[0]!.body.results).toEqual(run.results);
  expect(run.hooks).toMatchObject([{ kind: 'onComplete', attempts: 1 }]);
});

test('14 on failure onError gets one signed POST naming step and error; onComplete none', async () => {
  const { client, handlers } = platform.now;
  const error = { code: 'card_declined', message: 'the card was declined' };
  handlers.on('/api/jobs/process-payment', { status: 402, body: { error } });
  const { id } = await client.run(chain(handlers.url));
  expect((await client.done(id)).state).toBe('failed');
  expect(handlers.requests(completePath)).toEqual([]);
  const hooks = handlers.requests(errorPath);
  expect(hooks).toHaveLength(1);
  verify(hooks[0]!);
  expect(hooks[0]!.body).toMatchObject({
    type: 'workflow.failed',
    runId: id,
    state: 'failed',
    failedSteps: ['process-payment'],
    error: { stepId: 'process-payment', message: expect.stringContaining('the card was declined') },
  });
});

test('15 a hook endpoint that answers 500 once is retried with the same webhook-id', async () => {
  const { client, handlers } = platform.now;
  handlers.on(completePath, { status: 500 }, { status: 200 });
  const { id } = await client.run(chain(handlers.url));
  const run = await client.done(id);
  const [first, second, ...more] = handlers.requests(completePath);
  expect(more).toEqual([]);
  expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
  verify(second!);
  expect(run).toMatchObject({ state: 'completed', hooks: [{ kind: 'onComplete', attempts: 2 }] });
});
