import { describe, expect, test } from 'vitest';
import { checks } from '../../test/checks.ts';
import { parseDefinition } from './parse.ts';

const dependencies = ['a', 'b', 'c'];

/** A workflow of roots a, b, c and one step below them, `steps[3]`. */
function workflowWith(step: object, workflow: object = {}) {
  const roots = dependencies.map((id) => ({ id, url: '/x' }));
  return {
    id: 'flow',
    ...workflow,
    steps: [...roots, { id: 'x', url: '/x', dependsOn: dependencies, ...step }],
  };
}

function faultsOf(input: object): readonly { path: string; message: string }[] {
  const parsed = parseDefinition(input, checks);
  return 'faults' in parsed ? parsed.faults : [];
}

const exclusive = [
  { runCondition: 'onFailure' },
  { runAfterFailure: true },
  { allowPartialDependencies: true },
  { join: 'any' },
];
const pairs = exclusive.flatMap((first, at) =>
  exclusive.slice(at + 1).map((second) => ({ ...first, ...second })),
);

describe('what says when a step runs is said once', () => {
  test.each(pairs)('not %j', (fields) => {
    const [first, second] = Object.keys(fields);
    const message = `${first} and ${second} exclude each other: each says when the step runs; keep one`;
    expect(faultsOf(workflowWith(fields))).toEqual([{ path: `steps[3].${second}`, message }]);
  });

  test('but not when they say the same', () => {
    expect(faultsOf(workflowWith({ runCondition: 'always', runAfterFailure: true }))).toEqual([]);
  });

  test('of three the last is named, and all are in the message', () => {
    const fields = { runCondition: 'onSuccess', runAfterFailure: true, join: { atLeast: 2 } };
    const [fault, ...more] = faultsOf(workflowWith(fields));
    expect(fault?.path).toBe('steps[3].join');
    expect(fault?.message).toMatch(/^runCondition and runAfterFailure and join exclude/);
    expect(more).toEqual([]);
  });
});

describe('a step without dependencies starts at once', () => {
  const conditions = [
    'always',
    'onFailure',
    'onCancelled',
    'onFailureOrCancelled',
    'onAnyCompleted',
    'inProgress',
  ];
  test.each<[object, string]>([
    ...conditions.map((runCondition): [object, string] => [{ runCondition }, 'runCondition']),
    [{ runAfterFailure: true }, 'runAfterFailure'],
    [{ allowPartialDependencies: true }, 'allowPartialDependencies'],
    [{ join: 'any' }, 'join'],
    [{ join: { atLeast: 1 } }, 'join'],
  ])('so not %j', (fields, field) => {
    const none = faultsOf(workflowWith({ ...fields, dependsOn: [] }));
    expect(none).toEqual([
      { path: `steps[3].${field}`, message: expect.stringMatching(/^a step without dependencies/) },
    ]);
    expect(faultsOf(workflowWith({ ...fields, dependsOn: undefined }))).toEqual(none);
    expect(faultsOf(workflowWith({ ...fields, dependsOn: 'a' }))).toEqual([]);
    expect(faultsOf(workflowWith(fields))).toEqual([]);
  });
});

describe('a join asks for no more than there is', () => {
  test.each([
    [3, dependencies, []],
    [4, dependencies, ['asks for 4 successes of 3 dependencies: ask for 3 at most']],
    [1, 'a', []],
    [2, 'a', ['asks for 2 successes of 1 dependencies: ask for 1 at most']],
  ])('%i of %j', (atLeast, dependsOn, messages) => {
    const faults = faultsOf(workflowWith({ join: { atLeast }, dependsOn }));
    expect(faults).toEqual(messages.map((message) => ({ path: 'steps[3].join.atLeast', message })));
  });

  test.each([[0], [-1], [1.5]])('%d is no number of successes', (atLeast) => {
    expect(faultsOf(workflowWith({ join: { atLeast } }))[0]?.path).toMatch(/^steps\[3\]\.join/);
  });
});

describe('failure policies', () => {
  test.each([['fail'], ['retry']])(
    'continueOnFailure contradicts %s, wherever both stand',
    (failurePolicy) => {
      const both = { failurePolicy, continueOnFailure: true };
      const message = `contradicts failurePolicy "${failurePolicy}": keep one of the two`;
      const at = (path: string) => [{ path: `${path}continueOnFailure`, message }];
      expect(faultsOf(workflowWith(both))).toEqual(at('steps[3].'));
      expect(faultsOf(workflowWith({}, both))).toEqual(at(''));
      expect(faultsOf(workflowWith({}, { defaults: both }))).toEqual(at('defaults.'));
    },
  );

  test('rounds without a policy that has rounds', () => {
    const message = 'has no effect: set failurePolicy "retry" on the workflow or on a step, or leave it out';
    const fault = [{ path: 'retryRounds', message }];
    expect(faultsOf(workflowWith({}, { retryRounds: 2 }))).toEqual(fault);
    expect(faultsOf(workflowWith({}, { retryRounds: 1, failurePolicy: 'continue' }))).toEqual(fault);
    expect(faultsOf(workflowWith({}, { retryRounds: 2, failurePolicy: 'retry' }))).toEqual([]);
    expect(faultsOf(workflowWith({ failurePolicy: 'retry' }, { retryRounds: 2 }))).toEqual([]);
    expect(faultsOf(workflowWith({}, { retryRounds: 2, defaults: { failurePolicy: 'retry' } }))).toEqual([]);
  });
});

test('every fault is told at once', () => {
  const step = {
    runCondition: 'onFailure',
    join: { atLeast: 9 },
    failurePolicy: 'fail',
    continueOnFailure: true,
  };
  const paths = faultsOf(workflowWith(step, { retryRounds: 1 })).map(({ path }) => path);
  const inStep = ['join', 'join.atLeast', 'continueOnFailure'].map((field) => `steps[3].${field}`);
  expect(paths).toEqual([...inStep, 'retryRounds']);
});

describe('accepted, and what the engine gets', () => {
  test.each<[object, object]>([
    [{}, {}],
    [{ runCondition: 'onSuccess' }, { runCondition: 'onSuccess' }],
    [{ runCondition: 'onSuccess', dependsOn: [] }, { runCondition: 'onSuccess' }],
    [{ runAfterFailure: true }, { runCondition: 'always' }],
    [{ runAfterFailure: false, runCondition: 'inProgress' }, { runCondition: 'inProgress' }],
    [{ allowPartialDependencies: true }, { allowPartialDependencies: true }],
    [{ allowPartialDependencies: false, join: 'any' }, { join: 1 }],
    [{ join: 'all' }, {}],
    [{ join: 'all', runCondition: 'onFailure' }, { runCondition: 'onFailure' }],
    [{ join: 'all', dependsOn: [] }, {}],
    [{ join: { atLeast: 3 } }, { join: 3 }],
    [{ failurePolicy: 'retry' }, { failurePolicy: 'retry' }],
    [{ continueOnFailure: true }, { failurePolicy: 'continue' }],
    [{ continueOnFailure: true, failurePolicy: 'continue' }, { failurePolicy: 'continue' }],
    [{ continueOnFailure: false, failurePolicy: 'retry' }, { failurePolicy: 'retry' }],
  ])('%j', (fields, expected) => {
    const parsed = parseDefinition(workflowWith(fields), checks);
    if ('faults' in parsed) throw new Error(JSON.stringify(parsed.faults));
    const { runCondition, allowPartialDependencies, join, failurePolicy } = parsed.definition.steps[3]!;
    const said = { runCondition, allowPartialDependencies, join, failurePolicy };
    expect(Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined))).toEqual(
      expected,
    );
  });

  test.each<[object, string]>([
    [{}, 'fail'],
    [{ failurePolicy: 'continue' }, 'continue'],
    [{ continueOnFailure: true }, 'continue'],
    [{ continueOnFailure: false, failurePolicy: 'retry' }, 'retry'],
  ])('of the workflow: %j', (fields, expected) => {
    const parsed = parseDefinition(workflowWith({}, fields), checks);
    expect('definition' in parsed && parsed.definition.failurePolicy).toBe(expected);
  });

  test('a step overrides the defaults with either of the two ways to write it', () => {
    const of = (step: object, defaults: object) => {
      const parsed = parseDefinition(workflowWith(step, { defaults }), checks);
      return 'definition' in parsed && parsed.definition.steps[3]!.failurePolicy;
    };
    expect(of({ continueOnFailure: true }, { failurePolicy: 'retry' })).toBe('continue');
    expect(of({ failurePolicy: 'fail' }, { continueOnFailure: true })).toBe('fail');
    expect(of({}, { continueOnFailure: true })).toBe('continue');
  });
});
