/** Rows 35 and 38 to 44: partial failure and compensation. */
import { describe, expect, test } from 'vitest';
import { gate } from '../support/handlers.ts';
import { fanOut, saga } from '../support/seed-definitions.ts';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();
const refused = { status: 400, body: { error: { code: 'refused', message: 'not today' } } };
const undone = ['/api/jobs/cancel-shipment', '/api/jobs/refund-payment', '/api/jobs/release-inventory'];

const compensations = () => platform.now.handlers.paths().filter((path) => undone.includes(path));

describe('a step fails', () => {
  test('35 fail: the fan-in is never sent, the run is failed', async () => {
    const { client, handlers } = platform.now;
    handlers.on('/api/jobs/process-item', (request) =>
      request.headers['waybill-step'] === 'process-item-2' ? refused : {},
    );
    const run = await client.runToEnd(fanOut(handlers.url));
    expect(run).toMatchObject({
      state: 'failed',
      failedSteps: ['process-item-2'],
      skippedSteps: ['finalize'],
    });
    expect(run.steps.at(-1)).toMatchObject({ state: 'skipped', reason: 'upstream_failed', attempts: 0 });
    expect(handlers.requests('/api/jobs/finalize-batch')).toEqual([]);
  });

  test('38 a sibling in flight finishes and is recorded; nothing that needs success follows', async () => {
    const { client, handlers } = platform.now;
    const slow = gate();
    handlers.on('/bad', async () => {
      await handlers.waitFor('/slow');
      return refused;
    });
    handlers.on('/slow', async () => {
      await slow.opened;
      return { body: { kept: true } };
    });
    const at = (id: string, ...dependsOn: string[]) => ({
      id,
      dependsOn,
      parallel: true,
      url: `${handlers.url}/${id}`,
    });
    const { id } = await client.run({ id: 'draining', steps: [at('slow'), at('bad'), at('after', 'slow')] });
    const draining = await client.until(id, ({ failedSteps }) => failedSteps.includes('bad'));
    expect(draining).toMatchObject({ state: 'running', phase: 'draining' });
    slow.open();
    expect(await client.ended(id)).toMatchObject({
      state: 'failed',
      completedSteps: ['slow'],
      results: { slow: { kept: true } },
      skippedSteps: ['after'],
    });
    expect(handlers.requests('/after')).toEqual([]);
  });
});

describe('saga', () => {
  test('39 create-shipment fails → refund-payment, then release-inventory, never cancel-shipment', async () => {
    const { client, handlers } = platform.now;
    handlers
      .on('/api/jobs/charge-payment', { body: { chargeId: 'ch_1' } })
      .on('/api/jobs/create-shipment', refused);
    const run = await client.runToEnd(saga(handlers.url));
    expect(run.state).toBe('failed');
    expect(compensations()).toEqual(['/api/jobs/refund-payment', '/api/jobs/release-inventory']);
    expect(handlers.requests('/api/jobs/refund-payment')[0]!.body).toMatchObject({
      type: 'compensation',
      context: saga('').context,
      result: { chargeId: 'ch_1' },
      error: { stepId: 'create-shipment' },
    });
    expect(run.compensation.map(({ stepId }) => stepId).toSorted()).toEqual([
      'charge-payment',
      'reserve-inventory',
    ]);
  });

  test('40 notify-customer fails → cancel-shipment, refund-payment, release-inventory', async () => {
    const { client, handlers } = platform.now;
    handlers.on('/api/jobs/notify-customer', refused);
    await client.runToEnd(saga(handlers.url));
    expect(compensations()).toEqual(undone);
  });

  test('41 without saga: true no compensation is called', async () => {
    const { client, handlers } = platform.now;
    handlers.on('/api/jobs/notify-customer', refused);
    const run = await client.runToEnd({ ...saga(handlers.url), saga: undefined });
    expect(run).toMatchObject({ state: 'failed', compensation: [] });
    expect(compensations()).toEqual([]);
  });

  test('42 parallel branches are compensated in reverse completion order, never overlapping', async () => {
    const { client, handlers } = platform.now;
    const gates = { a: gate(), b: gate(), c: gate() };
    for (const [id, held] of Object.entries(gates)) {
      handlers.on(`/undo-${id}`, { delayMs: 40 }).on(`/${id}`, async () => {
        await held.opened;
        return {};
      });
    }
    handlers.on('/bad', refused);
    const { url } = handlers;
    const branches = Object.keys(gates).map((id) => ({
      id,
      url: `${url}/${id}`,
      parallel: true,
      compensation: `${url}/undo-${id}`,
    }));
    const bad = { id: 'bad', url: `${url}/bad`, dependsOn: ['a', 'b', 'c'] };
    const { id } = await client.run({ id: 'branches', saga: true, steps: [...branches, bad] });
    for (const branch of ['c', 'a', 'b'] as const) {
      gates[branch].open();
      await client.until(id, ({ completedSteps }) => completedSteps.includes(branch));
    }
    await client.ended(id);
    const calls = handlers.requests().filter(({ path }) => path.startsWith('/undo-'));
    expect(calls.map(({ path }) => path)).toEqual(['/undo-b', '/undo-a', '/undo-c']);
    for (const [index, call] of calls.slice(1).entries()) {
      expect(call.receivedAt).toBeGreaterThanOrEqual(calls[index]!.answeredAt!);
    }
  });

  test('43 a compensation answering 500 then 200 is called twice and shown compensated', async () => {
    const { client, handlers } = platform.now;
    handlers
      .on('/api/jobs/create-shipment', refused)
      .on('/api/jobs/refund-payment', { status: 500 }, { status: 200 });
    const run = await client.runToEnd(quick(saga(handlers.url)));
    const calls = handlers.requests('/api/jobs/refund-payment');
    expect(calls).toHaveLength(2);
    expect(calls[1]!.headers['webhook-id']).toBe(calls[0]!.headers['webhook-id']);
    expect(run.compensation).toContainEqual(
      expect.objectContaining({ stepId: 'charge-payment', state: 'completed', attempts: 2, error: null }),
    );
  });

  test('44 one that never succeeds does not stop the rest; listed in status and onError', async () => {
    const { client, handlers } = platform.now;
    handlers.on('/api/jobs/create-shipment', refused).on('/api/jobs/refund-payment', { status: 500 });
    const { id } = await client.run({ ...quick(saga(handlers.url)), onError: `${handlers.url}/failed` });
    const run = await client.done(id);
    const [refund, release] = ['/api/jobs/refund-payment', '/api/jobs/release-inventory'];
    expect(compensations()).toEqual([refund, refund, release]);
    expect(run.compensation).toHaveLength(2);
    expect(run.compensation.find(({ stepId }) => stepId === 'charge-payment')).toMatchObject({
      state: 'failed',
      attempts: 2,
      error: { status: 500 },
    });
    expect(run.compensation.find(({ stepId }) => stepId === 'reserve-inventory')).toMatchObject({
      state: 'completed',
    });
    expect(handlers.requests('/failed')).toHaveLength(1);
    expect(handlers.requests('/failed')[0]!.body.compensation).toEqual(run.compensation);
  });
});

/** The same saga, whose steps and compensations are tried twice, 20 ms apart. */
function quick(definition: ReturnType<typeof saga>) {
  const retries = { maxAttempts: 2, initialDelay: 0.02 };
  return { ...definition, steps: definition.steps.map((step) => ({ ...step, retries })) };
}
