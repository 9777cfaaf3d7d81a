/** Row 51, and the fields of a step that say what it is sent, how often, and beside how many others. */
import { describe, expect, test } from 'vitest';
import { gate } from '../support/handlers.ts';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();

test('51 each step gets its own payload', async () => {
  const { client, handlers } = platform.now;
  const payloads = { a: { kind: 'order', lines: [1, 2] }, b: 'text', c: 0, d: null, e: undefined };
  const steps = Object.entries(payloads).map(([id, payload]) => ({ id, url: `/${id}`, payload }));
  await client.runToEnd({ id: 'payloads', defaults: { parallel: true }, steps });
  for (const [id, payload] of Object.entries(payloads)) {
    const { body } = handlers.requests(`/${id}`)[0]!;
    expect([id, body.payload, 'payload' in body]).toEqual([id, payload, payload !== undefined]);
  }
});

test('input narrows previousSteps to the dependencies, to some ancestors, or to none', async () => {
  const { client, handlers } = platform.now;
  await client.runToEnd({
    id: 'input',
    steps: [
      { id: 'a', url: '/a' },
      { id: 'b', url: '/b', dependsOn: 'a' },
      { id: 'all', url: '/all', dependsOn: 'b' },
      { id: 'near', url: '/near', dependsOn: 'b', input: 'dependencies' },
      { id: 'none', url: '/none', dependsOn: 'b', input: 'none' },
      { id: 'some', url: '/some', dependsOn: 'b', input: ['a'] },
    ],
  });
  const seen = (path: string) => Object.keys(handlers.requests(path)[0]!.body.previousSteps);
  expect(['/all', '/near', '/none', '/some'].map(seen)).toEqual([['a', 'b'], ['b'], [], ['a']]);
});

test('maxConcurrency caps the deliveries in flight of a run, and all are sent in the end', async () => {
  const { client, handlers } = platform.now;
  let open = 0;
  let most = 0;
  const steps = Array.from({ length: 40 }, (_, index) => ({ id: `s${index}`, url: '/s' }));
  handlers.on('/s', async () => {
    most = Math.max(most, ++open);
    await new Promise((resolve) => setTimeout(resolve, 5));
    open--;
    return {};
  });
  const run = await client.runToEnd({
    id: 'capped',
    maxConcurrency: 3,
    defaults: { parallel: true },
    steps,
  });
  expect([run.state, run.completedSteps.length, most]).toEqual(['completed', 40, 3]);
});

describe('under maxConcurrency 1, what waits for a place and is not sent any more keeps it from nobody', () => {
  const flow = (...steps: object[]) => ({
    id: 'held',
    maxConcurrency: 1,
    defaults: { parallel: true },
    steps: steps.map((step) => ({ url: '/ok', ...step })),
  });

  /** Starts it, has `meanwhile` done while `a` is under way, and then has that answered with `status`. */
  async function runHeld(definition: object, status: number, meanwhile: (id: string) => Promise<unknown>) {
    const { client, handlers } = platform.now;
    const held = gate();
    handlers.on('/a', async () => {
      await held.opened;
      return { status };
    });
    const { id } = await client.run(definition);
    await handlers.waitFor('/a');
    await meanwhile(id);
    held.open();
    return client.ended(id);
  }

  test('skipped by hand', async () => {
    const { client } = platform.now;
    const definition = flow({ id: 'a', url: '/a' }, { id: 'b' }, { id: 'c' });
    const run = await runHeld(definition, 200, (id) => client.api('POST', `/v1/runs/${id}/steps/b/skip`, {}));
    expect([run.state, run.completedSteps, run.skippedSteps]).toEqual(['completed', ['a', 'c'], ['b']]);
  });

  test('cut off by a failure, beside two steps of the failure path', async () => {
    const definition = flow(
      { id: 'a', url: '/a' },
      { id: 'b' },
      { id: 'c' },
      { id: 'after-b', dependsOn: 'b', runAfterFailure: true },
      { id: 'after-a', dependsOn: 'a', runAfterFailure: true },
    );
    const run = await runHeld(definition, 400, async () => {});
    expect([run.state, run.completedSteps]).toEqual(['failed', ['after-b', 'after-a']]);
  });

  test('cancelled', async () => {
    const { client } = platform.now;
    const definition = flow(
      { id: 'a', url: '/a' },
      { id: 'b' },
      { id: 'after-a', dependsOn: 'a', runAfterFailure: true },
      { id: 'after-b', dependsOn: 'b', runAfterFailure: true },
    );
    const run = await runHeld(definition, 200, (id) => client.api('POST', `/v1/runs/${id}/cancel`, {}));
    expect([run.state, run.completedSteps]).toEqual(['cancelled', ['after-a', 'after-b']]);
  });

  test('an instance beyond what its forEach tolerates', async () => {
    const definition = flow(
      { id: 'each', url: '/a', forEach: '[1, 2, 3, 4]', failurePolicy: 'continue' },
      { id: 'c', delay: 0.2 },
    );
    const { client } = platform.now;
    const run = await runHeld(definition, 400, (id) =>
      client.until(id, ({ steps }) => steps.some((step) => step.id === 'c' && step.state === 'waiting')),
    );
    expect([run.state, run.completedSteps, run.failedSteps]).toEqual(['completed', ['c'], ['each']]);
  });
});

test('under maxConcurrency a step that waits for its callback is in flight, one in back-off is not', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/failing', { status: 500 }, {});
  handlers.on('/pending', { status: 202, body: { pending: true } });
  const { id } = await client.run({
    id: 'capped-waits',
    maxConcurrency: 1,
    defaults: { parallel: true },
    steps: [
      { id: 'failing', url: '/failing', retries: { initialDelay: 1, jitter: false } },
      { id: 'pending', url: '/pending' },
      { id: 'last', url: '/last' },
    ],
  });
  const [request] = await handlers.waitFor('/pending');
  await client.until(id, ({ steps }) => steps[0]!.phase === 'backoff');
  // Behind this its back-off is over: it waits for the place of the other.
  await client.runToEnd({ id: 'meanwhile', steps: [{ id: 'nap', sleep: 1.5 }] });
  expect([handlers.requests('/failing').length, handlers.requests('/last').length]).toEqual([1, 0]);
  const { url } = request!.body.callback as { url: string };
  await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"result":1}' });
  expect(await client.ended(id)).toMatchObject({ state: 'completed' });
  expect([handlers.requests('/failing').length, handlers.requests('/last').length]).toEqual([2, 1]);
});

test('at-most-once: a step whose dispatcher died is not sent again, and fails with its outcome unknown', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/once', { delayMs: 60_000 });
  const { id } = await client.run({
    id: 'at-most-once',
    steps: [
      { id: 'once', url: '/once', delivery: 'at-most-once' },
      { id: 'after', url: '/after', dependsOn: 'once' },
    ],
  });
  await handlers.waitFor('/once');
  await platform.now.kill();
  await platform.now.restart();
  const run = await client.ended(id);
  expect(run).toMatchObject({ state: 'failed', failedSteps: ['once'], skippedSteps: ['after'] });
  expect(run.steps[0]).toMatchObject({ attempts: 1, outcome: 'unknown', error: { code: 'attempt_lost' } });
  expect(handlers.requests('/once')).toHaveLength(1);
});

test('at-most-once: an answer that asks for another attempt gets none', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/once', { status: 503, headers: { 'retry-after': '0' } });
  const run = await client.runToEnd({
    id: 'once-failing',
    steps: [{ id: 'once', url: '/once', delivery: 'at-most-once' }],
  });
  expect(run).toMatchObject({ state: 'failed', steps: [{ attempts: 1, error: { code: 'http_503' } }] });
});

test('56 cancel stops new POSTs, marks unfinished steps cancelled, fires onCancelled steps', async () => {
  const { client, handlers } = platform.now;
  const held = gate();
  handlers.on('/open', async () => {
    await held.opened;
    return {};
  });
  const { id } = await client.run({
    id: 'cancelled',
    onError: '/cancelled',
    steps: [
      { id: 'done', url: '/done' },
      { id: 'open', url: '/open', dependsOn: 'done' },
      { id: 'next', url: '/next', dependsOn: 'open' },
      { id: 'asleep', sleep: 3600, dependsOn: 'done' },
      { id: 'undo', url: '/undo', dependsOn: 'open', runCondition: 'onCancelled' },
      { id: 'fix', url: '/fix', dependsOn: 'open', runCondition: 'onFailure' },
    ],
  });
  const [open] = await handlers.waitFor('/open');
  const { status } = await client.api('POST', `/v1/runs/${id}/cancel`, { reason: 'changed our mind' });
  expect(status).toBe(200);
  const run = await client.done(id);
  held.open();
  expect(run).toMatchObject({ state: 'cancelled', completedSteps: ['done', 'undo'] });
  expect(run.steps.map(({ state, reason }) => [state, reason])).toEqual([
    ['completed', null],
    ['cancelled', 'run_cancelled'],
    ['cancelled', 'run_cancelled'],
    ['cancelled', 'run_cancelled'],
    ['completed', null],
    ['cancelled', 'run_cancelled'],
  ]);
  expect(run.steps[1]!.outcome).toBe('unknown');
  expect(open!.isAborted).toBe(true);
  expect(handlers.paths()).toEqual(['/done', '/open', '/undo', '/cancelled']);
  expect(handlers.requests('/cancelled')[0]!.body.type).toBe('workflow.cancelled');
});
