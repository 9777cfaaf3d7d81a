import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runInOrder, statusOf } from '../test/any-order.ts';
import { orderlessWorkflows } from '../test/arbitraries.ts';
import { compilePlan } from './plan.ts';

test('without failures under fail, joins or maxConcurrency, any order of the same answers ends alike', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(orderlessWorkflows, fc.nat(), fc.nat(), fc.nat(), (definition, answers, first, second) => {
      const plan = compilePlan(definition);
      const [one, other] = [runInOrder(plan, answers, first), runInOrder(plan, answers, second)];
      const hasFailed = one.state.state === 'failed' && other.state.state === 'failed';
      if (!hasFailed) expect(statusOf(one)).toEqual(statusOf(other));
      seen.add(one.state.state);
      const journals = [one, other].map(({ journal }) =>
        journal.map((event) => 'step' in event && event.step),
      );
      if (!hasFailed && String(journals[0]) !== String(journals[1])) seen.add('another order');
      for (const { state, plan } of hasFailed ? [] : one.state.steps)
        seen.add(`${plan.failurePolicy} ${state}`);
      if (!hasFailed && one.state.rounds > 0) seen.add('a round that helped');
    }),
    { numRuns: 400, seed: 99 },
  );
  const places = ['completed', 'another order', 'a round that helped', 'continue failed', 'retry completed'];
  expect([...seen]).toEqual(expect.arrayContaining(places));
});
