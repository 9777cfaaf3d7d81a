import { expect, test } from 'vitest';
import { checks } from '../../test/checks.ts';
import { parseDefinition } from './parse.ts';

function faultsOf(timeout: number, steps: object[]) {
  const input = { id: 'w', timeout, steps: steps.map((step, at) => ({ id: `s${at}`, ...step })) };
  const result = parseDefinition(input, checks);
  return 'faults' in result ? result.faults.map(({ path, message }) => [path, message]) : [];
}

const late = (sum: number, timeout: number) =>
  `with the delays, sleeps and waits above it not over before second ${sum} of the run, and the workflow's timeout is ${timeout} s: raise the timeout, or shorten them`;

const url = '/x';
const chain = [
  { sleep: 60 },
  { url, dependsOn: 's0' },
  { waitFor: { signal: 'go', timeout: 30 }, dependsOn: 's1' },
];

test.each<[string, number, object[], [string, number][]]>([
  ['a delay', 59, [{ url, delay: 60 }], [['steps[0].delay', 60]]],
  ['a delay that is over with the run', 60, [{ url, delay: 60 }], []],
  ['a sleep', 59, [{ sleep: '1m' }], [['steps[0].sleep', 60]]],
  ['a sleep as long as the run may take', 60, [{ sleep: '1m' }], []],
  ['a wait', 59, [{ waitFor: 'go', timeout: '1m' }], [['steps[0].waitFor', 60]]],
  ['a wait for as long as the run may take', 60, [{ waitFor: 'go' }], []],
  ['a path', 90, chain, []],
  ['a path that is too long, at its step that is', 89, chain, [['steps[2].waitFor', 90]]],
  [
    'a delay counts from the start of the run, not from its dependencies',
    100,
    [{ sleep: 60 }, { sleep: 39, delay: 60, dependsOn: 's0' }],
    [],
  ],
  [
    'a sleep after a delay',
    99,
    [{ sleep: 50 }, { sleep: 20, delay: 80, dependsOn: 's0' }, { sleep: 1, dependsOn: 's1' }],
    [['steps[1].sleep', 100]],
  ],
  [
    'of dependencies the latest',
    89,
    [{ sleep: 10 }, { sleep: 60 }, { sleep: 30, dependsOn: ['s0', 's1'] }],
    [['steps[2].sleep', 90]],
  ],
  [
    'of a join the first that suffices',
    90,
    [{ sleep: 10 }, { sleep: 60 }, { sleep: 30, dependsOn: ['s0', 's1'], join: 'any' }],
    [],
  ],
  [
    'of a join of all that are needed',
    89,
    [
      { sleep: 10 },
      { sleep: 60 },
      { sleep: 70 },
      { sleep: 30, dependsOn: ['s2', 's1', 's0'], join: { atLeast: 2 } },
    ],
    [['steps[3].sleep', 90]],
  ],
  [
    'inProgress does not wait for the end',
    90,
    [{ sleep: 60 }, { sleep: 60, dependsOn: 's0', runCondition: 'inProgress' }],
    [],
  ],
  [
    'two paths, each by itself',
    50,
    [{ sleep: 60 }, { sleep: 5, dependsOn: 's0' }, { sleep: 51 }],
    [
      ['steps[0].sleep', 60],
      ['steps[2].sleep', 51],
    ],
  ],
  ['fractions', 0.29, [{ sleep: 0.1 }, { sleep: 0.2, dependsOn: 's0' }], [['steps[1].sleep', 0.3]]],
])('%s', (_, timeout, steps, expected) => {
  expect(faultsOf(timeout, steps)).toEqual(expected.map(([path, sum]) => [path, late(sum, timeout)]));
});

test('ten thousand sleeps in a row, the last one first in the list', () => {
  const steps = Array.from({ length: 10_000 }, (_, at) => ({
    sleep: 1,
    ...(at < 9999 ? { dependsOn: `s${at + 1}` } : {}),
  }));
  expect(faultsOf(10_000, steps)).toEqual([]);
  expect(faultsOf(9999, steps)).toEqual([['steps[0].sleep', late(10_000, 9999)]]);
});
