/** Rows 10, 12, 16 to 18 and 20: what the API shows, and what it refuses. */
import { describe, expect, test } from 'vitest';
import { gate } from '../support/handlers.ts';
import { chain } from '../support/seed-definitions.ts';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();

describe('status', () => {
  test('10 status has every field of the seed, each step its seven', async () => {
    const { client, handlers } = platform.now;
    const run = await client.runToEnd(chain(handlers.url));
    const ids = ['validate', 'reserve-inventory', 'process-payment', 'create-shipment', 'send-confirmation'];
    expect(run).toMatchObject({
      id: expect.stringMatching(/^run_/),
      state: 'completed',
      currentStep: null,
      completedSteps: ids,
      failedSteps: [],
      context: chain('').context,
      results: Object.fromEntries(ids.map((id) => [id, { ok: true }])),
    });
    expect(Date.parse(run.completedAt!)).toBeGreaterThanOrEqual(Date.parse(run.startedAt!));
    expect(run.steps.map((step) => step.id)).toEqual(ids);
    for (const step of run.steps) {
      expect(step).toMatchObject({ state: 'completed', attempts: 1, result: { ok: true }, error: null });
      expect(Date.parse(step.completedAt!)).toBeGreaterThanOrEqual(Date.parse(step.startedAt!));
    }
  });

  test('12 with two steps running currentStep is the earlier-defined; terminal: null', async () => {
    const { client, handlers } = platform.now;
    const held = gate();
    const hold = async () => {
      await held.opened;
      return {};
    };
    handlers.on('/early', hold).on('/late', hold);
    const at = (id: string, dependsOn: string[]) => ({
      id,
      dependsOn,
      url: `${handlers.url}/${id}`,
      parallel: true,
    });
    // `early` is defined first and starts last.
    const steps = [at('early', ['root']), at('late', []), at('root', [])];
    const { id } = await client.run({ id: 'current', steps });
    const run = await client.until(
      id,
      ({ currentSteps }) => currentSteps.includes('early') && currentSteps.length === 2,
    );
    expect(run).toMatchObject({ currentStep: 'early', currentSteps: ['early', 'late'] });
    held.open();
    expect(await client.ended(id)).toMatchObject({ state: 'completed', currentStep: null, currentSteps: [] });
  });
});

describe('creating', () => {
  test('16 omitted timeout and parallel read back as 86400, 300, false', async () => {
    const { client, handlers } = platform.now;
    const definition = { id: 'defaults', steps: [{ id: 'a', url: `${handlers.url}/a` }] };
    const run = await client.runToEnd(definition);
    expect(run).toMatchObject({ timeout: 86_400, steps: [{ timeout: 300, parallel: false }] });
    const { status, body } = await client.api('GET', '/v1/workflows/defaults');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      definition: { timeout: 86_400, steps: [{ timeout: 300, parallel: false }] },
    });
  });

  test('17 two creates with one id, different contexts: two runs, two sets of POSTs', async () => {
    const { client, handlers } = platform.now;
    const definition = { ...chain(handlers.url), onComplete: undefined, onError: undefined };
    const runs = await Promise.all([1, 2].map((n) => client.run({ ...definition, context: { n } })));
    expect(new Set(runs.map((run) => run.id)).size).toBe(2);
    const ended = await Promise.all(runs.map((run) => client.ended(run.id)));
    expect(ended.map((run) => [run.state, run.context])).toEqual([1, 2].map((n) => ['completed', { n }]));
    for (const n of [1, 2]) {
      expect(handlers.requests().filter((request) => request.body.context.n === n)).toHaveLength(5);
    }
  });

  test('18 two creates with one Idempotency-Key: one run, one set', async () => {
    const { client, handlers } = platform.now;
    const definition = { ...chain(handlers.url), onComplete: undefined, onError: undefined };
    const headers = { 'idempotency-key': 'order_123' };
    const runs = await Promise.all([1, 2].map(() => client.run(definition, headers)));
    expect(runs[1]!.id).toBe(runs[0]!.id);
    await client.ended(runs[0]!.id);
    const again = await client.run(definition, headers);
    expect(again.id).toBe(runs[0]!.id);
    expect(handlers.requests()).toHaveLength(5);
    const other = await client.api(
      'POST',
      '/v1/workflows',
      { ...definition, context: { other: true } },
      headers,
    );
    expect(other.status).toBe(409);
  });
});

describe('refusing', () => {
  const step = (id: string, ...dependsOn: string[]) => ({ id, dependsOn, url: '/never' });

  test.each<[string, unknown[] | undefined, RegExp, RegExp]>([
    ['duplicate ids', [step('a'), step('a')], /^steps\[1\]\.id$/, /duplicate.*"a"/],
    ['an unknown dependency', [step('a', 'ghost')], /^steps\[0\]\.dependsOn/, /ghost/],
    ['a self dependency', [step('a', 'a')], /^steps\[0\]\.dependsOn/, /itself/],
    ['a cycle', [step('a', 'b'), step('b', 'a')], /^steps$/, /(a → b → a|b → a → b)/],
    ['no steps', [], /^steps$/, /./],
    ['steps that are missing', undefined, /^steps$/, /./],
    ['a missing step id', [{ url: '/never' }], /^steps\[0\]\.id$/, /./],
    ['a missing url', [{ id: 'a' }], /^steps\[0\]\.url$/, /./],
  ])('20 refused with the fault named, and nothing sent: %s', async (_, steps, path, message) => {
    const { client, handlers } = platform.now;
    const { status, headers, body } = await client.refused({ id: 'faulty', steps });
    expect(status).toBe(422);
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(body.errors).toContainEqual({
      path: expect.stringMatching(path),
      message: expect.stringMatching(message),
    });
    expect((await client.api('GET', '/v1/workflows/faulty')).status).toBe(404);
    expect(handlers.requests()).toEqual([]);
  });

  test('20 all faults are named at once', async () => {
    const { client } = platform.now;
    const { body } = await client.refused({ id: 'faulty', steps: [step('a', 'ghost', 'a'), step('a')] });
    expect(body.errors).toHaveLength(3);
  });
});
