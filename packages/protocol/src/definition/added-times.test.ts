import { compilePlan, createRunState, evolve, type RunState } from '@waybill/engine';
import { expect, test } from 'vitest';
import { checks } from '../../test/checks.ts';
import { parseStepsFor } from './added-to-run.ts';
import { parseDefinition } from './parse.ts';

const startedAt = checks.now();

/** A run of `a`, a sleep of 30 s, and `b` below it, in a workflow of 100 s. */
function started(): RunState {
  const steps = [
    { id: 'a', sleep: 30 },
    { id: 'b', url: '/b', dependsOn: 'a' },
  ];
  const result = parseDefinition({ id: 'w', timeout: 100, steps }, checks);
  if ('faults' in result) throw new Error(JSON.stringify(result.faults));
  const state = createRunState(compilePlan(result.definition), 'run_x');
  evolve(state, { type: 'run.created', at: startedAt, started: true });
  return state;
}

function faults(steps: object[], seconds: number, state = started()) {
  const result = parseStepsFor(
    state,
    steps,
    { ...checks, now: () => startedAt + seconds * 1000 },
    { root: 'steps' },
  );
  return 'faults' in result ? result.faults.map(({ path, message }) => [path, message]) : [];
}

const late = (second: number) => expect.stringContaining(`not over before second ${second} of the run`);

test.each<[string, object[], number, unknown[]]>([
  ['a delay counts from when the step is added', [{ id: 'x', url: '/x', delay: 60 }], 40, []],
  [
    'and must be over within the run',
    [{ id: 'x', url: '/x', delay: 60 }],
    41,
    [['steps[0].delay', late(101)]],
  ],
  [
    'a sleep below one of the run',
    [{ id: 'x', sleep: 71, dependsOn: 'b' }],
    0,
    [['steps[0].sleep', late(101)]],
  ],
  ['one that just fits', [{ id: 'x', sleep: 70, dependsOn: 'b' }], 0, []],
  [
    'several in a row, the last one first',
    [
      { id: 'y', sleep: 31, dependsOn: 'x' },
      { id: 'x', sleep: 20 },
    ],
    50,
    [['steps[0].sleep', late(101)]],
  ],
  ['a step that the run has already is not judged again', [{ id: 'a', sleep: 30 }], 90, []],
  ['requests take as long as they take', [{ id: 'x', url: '/x' }], 99, []],
])('%s', (_, steps, seconds, expected) => {
  expect(faults(steps, seconds)).toEqual(expected);
});

test('a sleep that is over takes no more time', () => {
  const state = started();
  evolve(state, { type: 'step.began', at: startedAt, step: 'a', until: startedAt + 30_000 });
  evolve(state, { type: 'wait.over', at: startedAt + 30_000, step: 'a', startedAt, result: 'null' });
  expect(faults([{ id: 'x', sleep: 60, dependsOn: 'a' }], 40, state)).toEqual([]);
  expect(faults([{ id: 'x', sleep: 61, dependsOn: 'a' }], 40, state)).toEqual([
    ['steps[0].sleep', late(101)],
  ]);
});
