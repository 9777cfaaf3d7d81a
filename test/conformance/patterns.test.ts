/** Rows 57, 58 and 64: the pages of Tasker, and what is kept of every attempt. */
import { expect, test } from 'vitest';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();

test('57 a 6-stage pipeline passes each output to the next', async () => {
  const { client, handlers } = platform.now;
  const stages = [
    'extract_raw_data',
    'clean_data',
    'transform_data',
    'enrich_data',
    'validate_output',
    'load_to_warehouse',
  ];
  const steps = stages.map((id, index) => {
    const dependsOn = stages.slice(Math.max(0, index - 1), index);
    handlers.on(`/${id}`, ({ body }) => {
      const before = body.previousSteps[dependsOn[0] ?? '']?.result as { trail: string[] } | undefined;
      return { body: { trail: [...(before?.trail ?? []), id] } };
    });
    return { id, dependsOn, url: `${handlers.url}/${id}` };
  });
  const run = await client.runToEnd({ id: 'pipeline', steps });
  expect(run.results.load_to_warehouse).toEqual({ trail: stages });
});

test('58 in a diamond one permanently failing branch: finalize never sent', async () => {
  const { client, handlers } = platform.now;
  const checks = ['check_payment_method', 'verify_shipping_address', 'check_inventory_availability'];
  const step = (id: string, ...dependsOn: string[]) => ({ id, dependsOn, url: `${handlers.url}/${id}` });
  handlers.on('/verify_shipping_address', { body: { success: false, error: 'no such street' } });
  const run = await client.runToEnd({
    id: 'order-verification',
    defaults: { parallel: true },
    steps: [
      step('validate_order_data'),
      ...checks.map((id) => step(id, 'validate_order_data')),
      step('finalize_order', ...checks),
    ],
  });
  expect(run).toMatchObject({ state: 'failed', failedSteps: ['verify_shipping_address'] });
  expect(run.skippedSteps).toContain('finalize_order');
  expect(handlers.requests('/finalize_order')).toEqual([]);
});

test('64 per step every attempt: time, HTTP status, duration, error', async () => {
  const { client, handlers } = platform.now;
  const unavailable = {
    status: 503,
    body: { error: { code: 'maintenance', message: 'back soon' } },
    delayMs: 30,
  };
  handlers.on('/a', unavailable, { status: 500, body: 'boom' }, { status: 200 });
  const steps = [{ id: 'a', url: `${handlers.url}/a`, retries: { maxAttempts: 3, initialDelay: 0.02 } }];
  const run = await client.runToEnd({ id: 'attempts', steps });
  const attempts = await client.attempts(run.id, 'a');
  expect(attempts).toMatchObject([
    { attempt: 1, status: 503, error: { code: 'maintenance', message: 'back soon' } },
    { attempt: 2, status: 500, error: { status: 500 } },
    { attempt: 3, status: 200, error: null },
  ]);
  for (const [index, { startedAt, endedAt, durationMs }] of attempts.entries()) {
    const { receivedEpochMs } = handlers.requests('/a')[index]!;
    expect(Math.abs(Date.parse(startedAt) - receivedEpochMs)).toBeLessThan(10_000);
    expect(durationMs).toBe(Date.parse(endedAt) - Date.parse(startedAt));
  }
  const webhookId = handlers.requests('/a')[0]!.headers['webhook-id'];
  expect(attempts.map(({ request }) => [request.webhookId, request.url])).toEqual(
    Array(3).fill([webhookId, `${handlers.url}/a`]),
  );
  expect(attempts.map(({ answer }) => answer)).toEqual([
    JSON.stringify(unavailable.body),
    'boom',
    '{"ok":true}',
  ]);
  expect(attempts[0]!.durationMs).toBeGreaterThanOrEqual(28); // the 30 ms of its handler, in rounded clocks
});

test('64 what was sent and what was answered are shown, without the links that are rights', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/a', { body: { text: 'x'.repeat(3000) } }).on('/b', { status: 500 }, { body: 'fine' });
  handlers.on('/c', { status: 400 });
  const retries = { maxAttempts: 2, initialDelay: 0.01 };
  const run = await client.runToEnd({
    id: 'excerpts',
    saga: true,
    context: { order: 7 },
    steps: [
      { id: 'a', url: '/a', compensation: '/undo-a', payload: { n: 1 } },
      { id: 'b', url: '/b', dependsOn: 'a', retries, input: 'none' },
      { id: 'c', url: '/c', dependsOn: 'b', retries },
    ],
  });
  const [sent, undone] = await client.attempts(run.id, 'a');
  const body = (path: string, at = 0) => handlers.requests(path)[at]!.raw;
  const withoutCallback = (raw: string) => raw.replace(/,"callback":\{[^}]*\}/, '');
  expect(sent).toMatchObject({ delivery: 'step', answer: expect.stringMatching(/^\{"text":"x+$/) });
  expect(sent!.answer).toHaveLength(1024);
  expect(sent!.request.body!.slice(0, 100)).toBe(withoutCallback(body('/a')).slice(0, 100));
  expect(undone).toMatchObject({
    delivery: 'compensation',
    request: { url: `${handlers.url}/undo-a` },
    answer: null,
  });
  expect(body('/undo-a').startsWith(undone!.request.body!)).toBe(true);
  const [first, second] = await client.attempts(run.id, 'b');
  for (const [at, attempt] of [first!, second!].entries()) {
    const shown = JSON.parse(attempt.request.body!) as object;
    const { callback: _, ...received } = JSON.parse(body('/b', at)) as { callback: unknown; step: object };
    expect(shown).toMatchObject({ ...received, step: { ...received.step, deadline: expect.any(String) } });
    expect(attempt.request.body).not.toContain('callback');
  }
});
