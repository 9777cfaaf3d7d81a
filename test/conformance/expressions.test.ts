/** Row 59 by expressions: `when`. */
import { expect, test } from 'vitest';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();

const branches = (id: string, context: object) => ({
  id,
  context,
  steps: [
    { id: 'score', url: '/score' },
    {
      id: 'manual_review',
      url: '/manual_review',
      dependsOn: 'score',
      when: 'context.total > 10000',
    },
    {
      id: 'fraud_investigation',
      url: '/fraud_investigation',
      dependsOn: 'score',
      when: 'context.total <= 10000 && steps.score.result.risk >= 0.5',
    },
    {
      id: 'standard_processing',
      url: '/standard_processing',
      dependsOn: 'score',
      when: 'context.total <= 10000 && steps["score"].result.risk < 0.5',
    },
    {
      id: 'finish',
      url: '/finish',
      dependsOn: ['manual_review', 'fraud_investigation', 'standard_processing'],
    },
  ],
});

test.each([
  ['manual_review', { total: 10_001 }, 0.1],
  ['fraud_investigation', { total: 10_000 }, 0.5],
  ['standard_processing', { total: 12.5 }, 0.49],
])('59 by when: only %s is sent, and the convergence after it', async (taken, context, risk) => {
  const { client, handlers } = platform.now;
  handlers.on('/score', { body: { risk } });
  const run = await client.runToEnd(branches('branches', context));
  expect(run).toMatchObject({ state: 'completed', completedSteps: ['score', taken, 'finish'] });
  expect(handlers.paths()).toEqual(['/score', `/${taken}`, '/finish']);
  const skipped = run.steps.filter(({ state }) => state === 'skipped');
  expect(skipped.map(({ reason }) => reason)).toEqual(['condition_not_met', 'condition_not_met']);
});

test('an expression that cannot be evaluated fails its step for good, with the message', async () => {
  const { client, handlers } = platform.now;
  const run = await client.runToEnd({
    id: 'faulty',
    steps: [{ id: 'a', url: '/a', when: 'context.missing.deeper == 1' }],
  });
  expect(run.steps[0]).toMatchObject({ state: 'failed', attempts: 0, error: { code: 'expression_failed' } });
  expect(run.steps[0]!.error!.message).toContain('missing');
  expect(handlers.paths()).toEqual([]);
});

test('a faulty expression is refused with its position, and so is a step that is no ancestor', async () => {
  const { client } = platform.now;
  const { status, body } = await client.refused({
    id: 'refused',
    steps: [
      { id: 'a', url: '/a', when: 'context.total >' },
      { id: 'b', url: '/b', dependsOn: 'a', when: 'steps.c.result == 1' },
      { id: 'c', url: '/c' },
    ],
  });
  expect(status).toBe(422);
  expect(body.errors).toMatchObject([
    { path: 'steps[0].when', message: expect.stringMatching(/line 1, column \d+/) },
    { path: 'steps[1].when', message: expect.stringContaining('"c"') },
  ]);
});

test('when is evaluated once, when the condition holds, not when the delay is over', async () => {
  const { client } = platform.now;
  const run = await client.runToEnd({
    id: 'once',
    steps: [
      { id: 'a', url: '/a' },
      { id: 'b', url: '/b', dependsOn: 'a', when: 'steps.a.state == "completed"', delay: 0.3 },
      { id: 'c', url: '/c', dependsOn: 'a', when: 'false', delay: 3600 },
    ],
  });
  expect(run).toMatchObject({ state: 'completed', completedSteps: ['a', 'b'], skippedSteps: ['c'] });
});

test('under policy retry, too, it is never sent: what cannot be evaluated says the same in every round', async () => {
  const { client, handlers } = platform.now;
  const flow = (id: string, fields: object) => ({
    id,
    failurePolicy: 'retry',
    steps: [{ id: 'a', url: '/a', ...fields }],
  });
  for (const fields of [{ when: 'context.missing' }, { forEach: 'context.missing' }]) {
    const run = await client.runToEnd(flow('guarded', fields));
    expect(run).toMatchObject({ state: 'failed', steps: [{ error: { code: 'expression_failed' } }] });
  }
  expect(handlers.paths()).toEqual([]);
});
