import { expect, test } from 'vitest';
import { gate } from '../support/handlers.ts';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();

const chain = (id: string) => ({
  id,
  steps: [
    { id: 'first', url: '/first' },
    { id: 'second', url: '/second', dependsOn: ['first'] },
    { id: 'third', url: '/third', dependsOn: ['second'] },
  ],
});

/** Starts the chain and waits until its first step is in flight. */
async function startHeld(id: string) {
  const { client, handlers } = platform.now;
  const held = gate();
  handlers.on('/first', async () => {
    await held.opened;
    return { body: { success: true, result: 'by itself' } };
  });
  const run = await client.run(chain(id));
  await handlers.waitFor('/first');
  const command = (path: string, body: object = {}) =>
    client.api<{ state: string; phase: string; code: string }>('POST', `/v1/runs/${run.id}/${path}`, body);
  return { id: run.id, held, command };
}

test('pause sends nothing new while what is open finishes; resume goes on', async () => {
  const { client, handlers } = platform.now;
  const { id, held, command } = await startHeld('paused');
  expect(await command('pause')).toMatchObject({ status: 200, body: { state: 'running', phase: 'paused' } });
  expect(await command('pause')).toMatchObject({ status: 200 });
  held.open();
  await client.until(id, ({ completedSteps }) => completedSteps.includes('first'));
  // Another run goes through the same dispatcher from start to end: the paused one had its chance.
  await client.runToEnd({ id: 'other', steps: [{ id: 'only', url: '/other' }] });
  expect(handlers.requests('/second')).toHaveLength(0);
  expect(await command('resume')).toMatchObject({ status: 200, body: { phase: 'running' } });
  expect((await client.ended(id)).state).toBe('completed');
  expect(await command('pause')).toMatchObject({ status: 409, body: { code: 'run_ended' } });
});

test('a step in flight is completed by hand, with a result that its dependents see', async () => {
  const { client, handlers } = platform.now;
  const { id, held, command } = await startHeld('completed-by-hand');
  expect(await command('steps/first/complete', { result: { by: 'Ada' } })).toMatchObject({ status: 200 });
  const run = await client.ended(id);
  held.open();
  expect([run.state, run.results.first]).toEqual(['completed', { by: 'Ada' }]);
  const [second] = handlers.requests('/second');
  expect(second!.body.previousSteps).toMatchObject({ first: { state: 'completed', result: { by: 'Ada' } } });
  expect(handlers.requests('/first')).toHaveLength(1);
});

test('a step in back-off that is completed by hand has no error; its attempts keep theirs', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/first', { status: 503 });
  const [first, ...rest] = chain('completed-in-back-off').steps;
  const steps = [{ ...first, retries: { initialDelay: 60 } }, ...rest];
  const { id } = await client.run({ id: 'completed-in-back-off', steps });
  await client.until(id, ({ steps }) => steps[0]!.phase === 'backoff');
  await client.api('POST', `/v1/runs/${id}/steps/first/complete`, { result: 1 });
  const run = await client.ended(id);
  expect(run.steps[0]).toMatchObject({ state: 'completed', result: 1, attempts: 1, error: null });
  expect(await client.attempts(id, 'first')).toMatchObject([
    { state: 'failed', error: { code: 'http_503' } },
  ]);
});

test('a step that has not started is skipped by hand, and so is what needs its success', async () => {
  const { client, handlers } = platform.now;
  const { id, held, command } = await startHeld('skipped-by-hand');
  expect(await command('steps/second/skip', { note: 'not today' })).toMatchObject({ status: 200 });
  held.open();
  const run = await client.ended(id);
  expect([run.state, run.completedSteps, run.skippedSteps]).toEqual([
    'completed',
    ['first'],
    ['second', 'third'],
  ]);
  expect(run.steps.map(({ reason }) => reason)).toEqual([null, 'skipped_by_hand', 'upstream_skipped']);
  expect(handlers.paths()).toEqual(['/first']);
});

test('what has ended cannot be ended again, and what does not exist is 404', async () => {
  const { client } = platform.now;
  const { id, held, command } = await startHeld('ended-once');
  expect(await command('steps/first/skip')).toMatchObject({ status: 200 });
  expect((await client.ended(id)).state).toBe('completed');
  held.open();
  expect(await command('steps/first/complete')).toMatchObject({ status: 409 });
  expect(await command('steps/nothing/skip')).toMatchObject({ status: 404 });
  expect(await command('pause', { now: true })).toMatchObject({ status: 422 });
});

test('the ledger closes an attempt whose step was ended by hand, and a retried run stays paused if it still was', async () => {
  const { client, handlers } = platform.now;
  const { id, held, command } = await startHeld('ledger');
  await command('steps/first/complete', { result: 1 });
  await client.ended(id);
  held.open();
  const [attempt] = await client.attempts(id, 'first');
  expect(attempt).toMatchObject({ attempt: 1, state: 'aborted', error: { code: 'completed_by_hand' } });
  expect(attempt!.endedAt).toEqual(expect.any(String));

  const pausedOut = async (fields: object) => {
    // What the retry sends is held until the test has seen what it was answered.
    const again = gate();
    handlers.on('/bad', { delayMs: 30_000 }, async () => {
      await again.opened;
      return {};
    });
    const { length } = handlers.requests('/bad');
    const definition = { id: 'paused-out', timeout: 0.5, steps: [{ id: 'bad', url: '/bad' }], ...fields };
    const run = await client.run(definition);
    await handlers.waitFor('/bad', length + 1);
    await client.api('POST', `/v1/runs/${run.id}/pause`, {});
    expect((await client.ended(run.id)).state).toBe('failed');
    const { body } = await client.api('POST', `/v1/runs/${run.id}/retry`, {});
    return { ...(body as { phase: string }), id: run.id, again };
  };
  const waiting = await pausedOut({ onError: '/failed' });
  expect(waiting.phase).toBe('paused');
  await client.api('POST', `/v1/runs/${waiting.id}/resume`, {});
  waiting.again.open();
  expect((await client.ended(waiting.id)).state).toBe('completed');
  // Nothing was left for this pause to hold back.
  handlers.reset();
  const done = await pausedOut({});
  expect(done.phase).toBe('running');
  done.again.open();
  expect((await client.ended(done.id)).state).toBe('completed');
});

test('the timeout of a run holds while it is being cancelled, too', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/open', { delayMs: 30_000 });
  const { id } = await client.run({
    id: 'cancel-hangs',
    timeout: 1,
    steps: [
      { id: 'open', url: '/open' },
      { id: 'cleanup', waitFor: 'never', dependsOn: 'open', runCondition: 'always' },
    ],
  });
  await handlers.waitFor('/open');
  await client.api('POST', `/v1/runs/${id}/cancel`, {});
  const run = await client.ended(id);
  expect(run).toMatchObject({ state: 'cancelled', error: { code: 'run_cancelled' } });
  expect(run.steps[1]).toMatchObject({ state: 'cancelled', reason: 'run_timeout' });
});
