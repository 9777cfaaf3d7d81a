import { describe, expect, test } from 'vitest';
import { step, workflow } from '../test/definitions.ts';
import { findGraphFaults } from './graph.ts';
import { ancestorsOf, compilePlan } from './plan.ts';

const node = (id: string, ...dependsOn: string[]) => ({ id, dependsOn });

describe('findGraphFaults', () => {
  test.each([
    ['an empty graph', [], []],
    ['a diamond', [node('a'), node('b', 'a'), node('c', 'a'), node('d', 'b', 'c')], []],
    ['dependencies defined later', [node('b', 'a'), node('a')], []],
    ['a self dependency', [node('a', 'a')], ['steps[0].dependsOn[0]: step "a" depends on itself']],
    ['an unknown step', [node('a', 'x')], ['steps[0].dependsOn[0]: unknown step "x"']],
    [
      'a name that every object has',
      [node('a', 'constructor')],
      ['steps[0].dependsOn[0]: unknown step "constructor"'],
    ],
    [
      'a duplicate id',
      [node('a'), node('a')],
      ['steps[1].id: duplicate step id "a", already used by steps[0]'],
    ],
    [
      'a dependency named twice',
      [node('a'), node('b', 'a', 'a')],
      ['steps[1].dependsOn[1]: "a" is named twice'],
    ],
    ['a cycle of two', [node('a', 'b'), node('b', 'a')], ['steps: cycle: b → a → b']],
    [
      'a cycle of three behind a root',
      [node('r'), node('a', 'r', 'c'), node('b', 'a'), node('c', 'b')],
      ['steps: cycle: b → c → a → b'],
    ],
  ])('%s', (_, steps, faults) => {
    expect(findGraphFaults(steps).map(({ path, message }) => `${path}: ${message}`)).toEqual(faults);
  });

  test('all faults are found at once', () => {
    const steps = [node('a', 'a', 'x'), node('a'), node('b', 'c', 'c'), node('c', 'b')];
    expect(findGraphFaults(steps).map(({ path }) => path)).toEqual([
      'steps[1].id',
      'steps[0].dependsOn[0]',
      'steps[0].dependsOn[1]',
      'steps[2].dependsOn[1]',
      'steps',
    ]);
  });

  test('a chain of 10,000 steps that ends in a cycle does not exhaust the stack', () => {
    const steps = Array.from({ length: 10_000 }, (_, i) => node(`s${i}`, `s${(i + 1) % 10_000}`));
    expect(findGraphFaults(steps)).toHaveLength(1);
  });
});

test('a plan knows roots, dependents in definition order, and all ancestors', () => {
  const steps = [
    step('d', { dependsOn: ['b', 'c'] }),
    step('c', { dependsOn: ['a'] }),
    step('b', { dependsOn: ['a'] }),
    step('a'),
    step('e'),
  ];
  const plan = compilePlan(workflow(steps));
  expect(plan.roots).toEqual([3, 4]);
  expect(plan.steps[3]?.dependents).toEqual([1, 2]);
  expect(ancestorsOf(plan, 0)).toEqual([1, 2, 3]);
  expect(ancestorsOf(plan, 4)).toEqual([]);
});
