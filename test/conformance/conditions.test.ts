import type { RunStatus } from '@waybill/sdk';
import { describe, expect, test } from 'vitest';
import { gate } from '../support/handlers.ts';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();

const conditions = [
  'onSuccess',
  'onFailure',
  'onCancelled',
  'onFailureOrCancelled',
  'onAnyCompleted',
  'inProgress',
  'runAfterFailure',
  'allowPartialDependencies',
] as const;
type Name = (typeof conditions)[number];

const asField = (name: Name) =>
  name === 'runAfterFailure' || name === 'allowPartialDependencies'
    ? { [name]: true }
    : { runCondition: name };
const children = conditions.map((name) => ({
  id: name,
  url: `/${name}`,
  dependsOn: ['parent'],
  parallel: true,
  ...asField(name),
}));
const once = { maxAttempts: 1 };

/** What became of each child: `sent`, or its state and reason. */
function fates(run: RunStatus): Record<string, string> {
  const shown = run.steps.filter(({ id }) => conditions.includes(id as Name));
  return Object.fromEntries(
    shown.map(({ id, state, reason }) => [id, state === 'completed' ? 'sent' : `${state}: ${reason}`]),
  );
}

describe('48 each condition follows the table for every outcome of its parent', () => {
  test('48 the parent completes', async () => {
    const { client } = platform.now;
    const run = await client.runToEnd({
      id: 'parent-completes',
      steps: [{ id: 'parent', url: '/parent' }, ...children],
    });
    expect(run.state).toBe('completed');
    expect(fates(run)).toEqual({
      onSuccess: 'sent',
      onFailure: 'skipped: condition_not_met',
      onCancelled: 'skipped: condition_not_met',
      onFailureOrCancelled: 'skipped: condition_not_met',
      onAnyCompleted: 'sent',
      inProgress: 'sent',
      runAfterFailure: 'sent',
      allowPartialDependencies: 'sent',
    });
  });

  test('48 the parent fails', async () => {
    const { client, handlers } = platform.now;
    // An inProgress step that has not been sent when the run fails is cut off: let it be sent first.
    handlers.on('/parent', async () => {
      await handlers.waitFor('/inProgress');
      return { status: 400 };
    });
    const run = await client.runToEnd({
      id: 'parent-fails',
      steps: [{ id: 'parent', url: '/parent' }, ...children],
    });
    expect([run.state, run.failedSteps]).toEqual(['failed', ['parent']]);
    expect(fates(run)).toEqual({
      onSuccess: 'skipped: upstream_failed',
      onFailure: 'sent',
      onCancelled: 'skipped: condition_not_met',
      onFailureOrCancelled: 'sent',
      onAnyCompleted: 'sent',
      inProgress: 'sent',
      runAfterFailure: 'sent',
      allowPartialDependencies: 'skipped: condition_not_met',
    });
    for (const { path } of handlers.requests()) expect(fates(run)[path.slice(1)] ?? 'sent').toBe('sent');
  });

  test('48 the parent is cancelled', async () => {
    const { client, handlers } = platform.now;
    const held = gate();
    handlers.on('/parent', async () => {
      await held.opened;
      return {};
    });
    const steps = [{ id: 'parent', url: '/parent' }, ...children];
    const { id } = await client.run({ id: 'parent-cancelled', steps });
    // It reacts to the start alone, and its own answer must be in before the cancel.
    await client.until(id, ({ completedSteps }) => completedSteps.includes('inProgress'));
    const { status } = await client.api('POST', `/v1/runs/${id}/cancel`, {});
    expect([200, 202]).toContain(status);
    const run = await client.ended(id);
    held.open();
    expect(run.state).toBe('cancelled');
    expect(fates(run)).toEqual({
      onSuccess: 'cancelled: run_cancelled',
      onFailure: 'cancelled: run_cancelled',
      onCancelled: 'sent',
      onFailureOrCancelled: 'sent',
      onAnyCompleted: 'sent',
      inProgress: 'sent',
      runAfterFailure: 'sent',
      allowPartialDependencies: 'cancelled: run_cancelled',
    });
  });

  test('48 the parent is blocked by a failure above it', async () => {
    const { client, handlers } = platform.now;
    handlers.on('/root', { status: 400 });
    const parent = { id: 'parent', url: '/parent', dependsOn: ['root'] };
    const run = await client.runToEnd({
      id: 'parent-blocked',
      steps: [{ id: 'root', url: '/root' }, parent, ...children],
    });
    expect([run.state, run.failedSteps]).toEqual(['failed', ['root']]);
    expect(handlers.requests('/parent')).toEqual([]);
    expect(fates(run)).toEqual({
      onSuccess: 'skipped: upstream_failed',
      onFailure: 'skipped: condition_not_met',
      onCancelled: 'skipped: condition_not_met',
      onFailureOrCancelled: 'skipped: condition_not_met',
      onAnyCompleted: 'skipped: condition_not_met',
      inProgress: 'skipped: upstream_failed',
      runAfterFailure: 'sent',
      allowPartialDependencies: 'skipped: condition_not_met',
    });
  });

  test('48 the parent is skipped', async () => {
    const { client } = platform.now;
    const parent = { id: 'parent', url: '/parent', dependsOn: ['root'], runCondition: 'onFailure' };
    const run = await client.runToEnd({
      id: 'parent-skipped',
      steps: [{ id: 'root', url: '/root' }, parent, ...children],
    });
    expect(run.state).toBe('completed');
    expect(fates(run)).toEqual({
      onSuccess: 'skipped: upstream_skipped',
      onFailure: 'skipped: condition_not_met',
      onCancelled: 'skipped: condition_not_met',
      onFailureOrCancelled: 'skipped: condition_not_met',
      onAnyCompleted: 'skipped: condition_not_met',
      inProgress: 'skipped: condition_not_met',
      runAfterFailure: 'sent',
      allowPartialDependencies: 'skipped: condition_not_met',
    });
  });
});

test('45 an onSuccess child runs only when the parent completes, else is skipped with a reason', async () => {
  const { client, handlers } = platform.now;
  const child = { id: 'child', url: '/child', dependsOn: ['parent'], runCondition: 'onSuccess' };
  const definition = { id: 'on-success', steps: [{ id: 'parent', url: '/parent', retries: once }, child] };
  expect((await client.runToEnd(definition)).completedSteps).toEqual(['parent', 'child']);
  handlers.on('/parent', { status: 500 });
  const failed = await client.runToEnd(definition);
  expect(failed.steps.find(({ id }) => id === 'child')).toMatchObject({
    state: 'skipped',
    reason: 'upstream_failed',
  });
  expect(handlers.requests('/child')).toHaveLength(1);
});

test('46 an onFailure child is sent only after the retries of its parent are used up', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/parent', { status: 500 });
  const run = await client.runToEnd({
    id: 'on-failure',
    steps: [
      { id: 'parent', url: '/parent', retries: { maxAttempts: 3, initialDelay: 0.05 } },
      { id: 'child', url: '/child', dependsOn: ['parent'], runCondition: 'onFailure' },
    ],
  });
  expect([run.state, run.completedSteps]).toEqual(['failed', ['child']]);
  expect(handlers.paths()).toEqual(['/parent', '/parent', '/parent', '/child']);
});

test('55 the descendants of a skipped child are skipped; a 6-deep chain and an 8-child parent run fully', async () => {
  const { client, handlers } = platform.now;
  const chain = Array.from({ length: 6 }, (_, index) => ({
    id: `deep-${index}`,
    url: '/deep',
    dependsOn: index === 0 ? ['root'] : [`deep-${index - 1}`],
  }));
  const wide = Array.from({ length: 8 }, (_, index) => ({
    id: `wide-${index}`,
    url: '/wide',
    dependsOn: ['root'],
    parallel: true,
  }));
  const run = await client.runToEnd({
    id: 'cascade',
    steps: [
      { id: 'root', url: '/root' },
      ...chain,
      ...wide,
      { id: 'skipped', url: '/no', dependsOn: ['root'], runCondition: 'onFailure' },
      { id: 'below', url: '/no', dependsOn: ['skipped'] },
      { id: 'far-below', url: '/no', dependsOn: ['below'] },
    ],
  });
  expect(run.state).toBe('completed');
  expect(run.skippedSteps).toEqual(['skipped', 'below', 'far-below']);
  expect(run.completedSteps).toHaveLength(15);
  expect(handlers.requests('/no')).toEqual([]);
});

test('74 join: "any" starts on the first success; the results of the losers are still recorded', async () => {
  const { client, handlers } = platform.now;
  const held = gate();
  handlers.on('/slow', async () => {
    await held.opened;
    return { body: { success: true, result: 'late' } };
  });
  handlers.on('/broken', { status: 400 });
  const { id } = await client.run({
    id: 'first-wins',
    defaults: { parallel: true },
    steps: [
      { id: 'fast', url: '/fast' },
      { id: 'slow', url: '/slow' },
      { id: 'broken', url: '/broken' },
      { id: 'winner', url: '/winner', dependsOn: ['fast', 'slow', 'broken'], join: 'any' },
    ],
  });
  await handlers.waitFor('/winner');
  held.open();
  const run = await client.ended(id);
  expect([run.state, run.failedSteps]).toEqual(['completed', ['broken']]);
  expect(run.results).toMatchObject({ slow: 'late' });
});

describe('a handler chooses among the branches', () => {
  const branches = ['standard_processing', 'manual_review', 'fraud_investigation'];
  const definition = {
    id: 'order-routing',
    defaults: { parallel: true },
    steps: [
      { id: 'analyze_order', url: '/analyze' },
      ...branches.map((id) => ({ id, url: `/${id}`, dependsOn: ['analyze_order'] })),
      { id: 'ship', url: '/ship', dependsOn: branches },
    ],
  };

  test.each([
    [12_000, false, 'manual_review'],
    [500, true, 'fraud_investigation'],
    [500, false, 'standard_processing'],
  ])(
    '59, 60 total %i, high risk %s: %s alone, and the convergence step once',
    async (total, isRisky, taken) => {
      const { client, handlers } = platform.now;
      handlers.on('/analyze', ({ body }) => {
        const { context } = body as unknown as { context: { total: number; isRisky: boolean } };
        const other = context.isRisky ? 'fraud_investigation' : 'standard_processing';
        return { body: { success: true, next: [context.total > 10_000 ? 'manual_review' : other] } };
      });
      const run = await client.runToEnd({ ...definition, context: { total, isRisky } });
      expect([run.state, run.completedSteps]).toEqual(['completed', ['analyze_order', taken, 'ship']]);
      const skipped = branches.filter((id) => id !== taken);
      expect(run.skippedSteps).toEqual(skipped);
      for (const id of skipped) {
        expect(run.steps.find((step) => step.id === id)).toMatchObject({
          reason: 'branch_not_taken',
          attempts: 0,
        });
        expect(handlers.requests(`/${id}`)).toHaveLength(0);
      }
      const [ship, ...more] = handlers.requests('/ship');
      expect(more).toEqual([]);
      expect(ship!.receivedAt).toBeGreaterThanOrEqual(handlers.requests(`/${taken}`)[0]!.answeredAt!);
    },
  );

  test('59 an id that is no direct dependent fails the step', async () => {
    const { client, handlers } = platform.now;
    handlers.on('/analyze', { body: { success: true, next: ['ship'] } });
    const run = await client.runToEnd(definition);
    expect([run.state, run.steps[0]!.error]).toMatchObject(['failed', { code: 'invalid_next' }]);
  });
});
