import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checks as lenient } from '../../test/checks.ts';
import { type AddedStepsOptions, parseAddedSteps } from './added-steps.ts';
import { parseDefinition } from './parse.ts';

const checks = {
  ...lenient,
  url: (url: string) => (url.includes('forbidden') ? 'may not be reached' : null),
};

function stepsOf(steps: object[]) {
  const result = parseDefinition({ id: 'w', steps }, checks);
  if ('faults' in result) throw new Error(JSON.stringify(result.faults));
  return result.definition.steps;
}

/** A run of a ← b, and c apart. */
const steps = stepsOf([
  { id: 'a', url: '/a' },
  { id: 'b', url: '/b', dependsOn: 'a' },
  { id: 'c', url: '/c' },
]);
const fields = [
  'id',
  'url',
  'parent',
  'dependsOn',
  'when',
  'forEach',
  'input',
  'headers',
  'waitFor',
  'sleep',
];
const run: AddedStepsOptions = { steps, failurePolicy: 'fail' };

const parse = (input: unknown, options: Partial<AddedStepsOptions> = {}) =>
  parseAddedSteps(input, checks, { ...run, ...options });

function added(input: unknown, options: Partial<AddedStepsOptions> = {}) {
  const result = parse(input, options);
  if ('faults' in result) throw new Error(JSON.stringify(result.faults));
  return result.steps;
}

function faults(input: unknown, options: Partial<AddedStepsOptions> = {}) {
  const result = parse(input, options);
  return 'faults' in result
    ? Object.fromEntries(result.faults.map(({ path, message }) => [path, message]))
    : {};
}

describe('what they depend on', () => {
  test.each<[object, string | undefined, string[]]>([
    [{}, undefined, []],
    [{}, 'b', ['b']],
    [{ dependsOn: [] }, 'b', []],
    [{ dependsOn: 'a' }, 'b', ['a']],
    [{ parent: 'c' }, 'b', ['c']],
    [{ parent: 'c', dependsOn: ['a', 'b'] }, undefined, ['c', 'a', 'b']],
    [{ parent: 'b', dependsOn: ['a', 'b'] }, undefined, ['b', 'a']],
    [{ parent: 'b', dependsOn: 'b' }, undefined, ['b']],
  ])('%j in the answer of %s: %j', (fields, parent, dependsOn) => {
    const options = parent === undefined ? {} : { parent };
    const [step] = added([{ id: 'x', url: '/x', ...fields }], options);
    expect(step).toMatchObject({ url: 'https://handlers.test/x', dependsOn, parallel: true });
    expect(step).not.toHaveProperty('parent');
  });

  test('each other, in any order', () => {
    const list = added([
      { id: 'y', url: '/y', dependsOn: ['x', 'b'], parallel: false },
      { id: 'x', sleep: 1, parent: 'c' },
    ]);
    expect(list.map(({ id, dependsOn, parallel }) => [id, dependsOn, parallel])).toEqual([
      ['y', ['x', 'b'], false],
      ['x', ['c'], true],
    ]);
  });

  test('unknown steps, themselves and cycles are faults, the parent included', () => {
    const input = [
      { id: 'x', url: '/x', parent: 'nowhere', dependsOn: ['a', 'gone'] },
      { id: 'y', url: '/y', parent: 'y' },
      { id: 'y', url: '/y', dependsOn: ['a', 'a'] },
      { id: 'p', url: '/p', parent: 'q' },
      { id: 'q', url: '/q', parent: 'p' },
    ];
    const expected = {
      '[0].parent': 'unknown step "nowhere"',
      '[0].dependsOn[1]': 'unknown step "gone"',
      '[1].parent': 'step "y" depends on itself',
      '[2].dependsOn[1]': '"a" is named twice',
      '': 'cycle: q → p → q',
    };
    const at = (root: string, extra: object) =>
      Object.fromEntries(
        Object.entries({ ...expected, ...extra }).map(([path, message]) => [root + path, message]),
      );
    expect(faults(input)).toEqual(
      at('steps', { '[2].id': 'duplicate step id "y", already used by steps[1]' }),
    );
    expect(faults(input, { root: 'addSteps' })).toEqual(
      at('addSteps', { '[2].id': 'duplicate step id "y", already used by addSteps[1]' }),
    );
  });
});

test('an id that the run has is left to the engine, and others may depend on it', () => {
  const again = { id: 'b', url: '/other', dependsOn: 'a' };
  expect(added([again, { id: 'x', url: '/x', dependsOn: 'b', when: 'steps.a.result' }])).toHaveLength(2);
});

describe('expressions and input read what is above', () => {
  test.each([
    { when: 'steps.a.result && steps.x.result' },
    { forEach: 'steps.b.result' },
    { input: ['a', 'b', 'x'] },
  ])('%j', (fields) => {
    const list = [
      { id: 'y', url: '/y', dependsOn: 'x', ...fields },
      { id: 'x', url: '/x', parent: 'b' },
    ];
    expect(faults(list)).toEqual({});
  });

  test('and nothing else', () => {
    const list = [
      { id: 'x', url: '/x', when: 'steps.c.result', parent: 'b' },
      { id: 'y', url: '/y', parent: 'b', input: ['x', 'c', 'd'], forEach: 'steps.y.result' },
      { id: 'z', url: '/z', parent: 'b', when: '(' },
    ];
    expect(faults(list, { root: 'addSteps' })).toEqual({
      'addSteps[0].when': 'step "c" is not above "x": add it to dependsOn, or do not read it',
      'addSteps[1].input[0]': expect.stringContaining('"x" is not above'),
      'addSteps[1].input[1]': expect.stringContaining('"c" is not above'),
      'addSteps[1].input[2]': 'unknown step "d"',
      'addSteps[1].forEach': expect.stringContaining('"y" is not above'),
      'addSteps[2].when': expect.stringContaining('line 1, column'),
    });
  });
});

test('faults of shape, of kinds, of combinations and of URLs', () => {
  expect(
    faults([{ id: 'x', parent: 'run 1' }, 'no step', { id: 'y', url: 'http://forbidden/', extra: 1 }]),
  ).toEqual({
    'steps[0].parent': expect.any(String),
    'steps[0].url': expect.stringMatching(/^missing/),
    'steps[1]': expect.any(String),
    'steps[2].url': 'may not be reached',
    'steps[2].extra': 'unknown field',
  });
  expect(
    faults([
      { id: 'x', sleep: 1, retries: {} },
      { id: 'y', url: '/y', runCondition: 'onFailure' },
    ]),
  ).toEqual({
    'steps[0].retries': expect.stringMatching(/^has no effect on a step that sleeps/),
    'steps[1].runCondition': expect.stringMatching(/^a step without dependencies/),
  });
  expect(faults([{ id: 'y', url: '/y', runCondition: 'onFailure', join: 'any' }], { parent: 'a' })).toEqual({
    'steps[0].join': expect.stringMatching(/exclude each other/),
  });
  expect(faults([{ id: 'y', url: '/y', runCondition: 'inProgress' }], { parent: 'a' })).toEqual({});
});

test('any JSON is answered: nothing throws', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom(...fields), fc.jsonValue()))),
      (input) => {
        expect(Object.keys(parse(input, { parent: 'a' }))).toHaveLength(1);
      },
    ),
    { examples: [[[{ id: { toString: 1 }, dependsOn: { length: 1 }, parent: [] }]]] },
  );
});

test.each([[[]], [null], ['x'], [{ id: 'x', url: '/x' }]])('not a list of steps: %j', (input) => {
  expect(faults(input, { root: 'addSteps' })).toEqual({ addSteps: 'must be a list of one or more steps' });
});

test('a run has 10,000 steps at most, those that it has already counted once', () => {
  const many = stepsOf(Array.from({ length: 9998 }, (_, at) => ({ id: `s${at}`, url: '/s' })));
  const two = [
    { id: 'x', url: '/x' },
    { id: 'y', url: '/y' },
  ];
  expect(faults(two, { steps: many })).toEqual({});
  expect(faults([...two, { id: 's0', url: '/s' }], { steps: many })).toEqual({});
  expect(faults([...two, { id: 'z', url: '/z' }], { steps: many })).toEqual({
    steps: '10001 steps with those of the run, above stepsMax 10000',
  });
});

test('at most once stays that in a run whose policy is to send again', () => {
  const once = [{ id: 'x', url: '/x', delivery: 'at-most-once' }];
  expect(added(once, { failurePolicy: 'retry' })[0]).toMatchObject({
    failurePolicy: 'fail',
    retries: { maxAttempts: 1 },
  });
});

describe('a step of the definition that is sent again', () => {
  const defaults = {
    timeout: '20s',
    headers: { 'x-all': '1' },
    retries: { initialDelay: 5 },
    metadata: { team: 'a' },
    runAfterFailure: true,
    forEach: 'context.list',
  };
  const leaf = { id: 'leaf', url: '/leaf', dependsOn: 'root', headers: { 'x-own': '1' }, maxConcurrency: 2 };
  const nap = { id: 'nap', sleep: 1, dependsOn: 'root' };

  /** Whether the engine takes `sent` for the stored step of the same id. */
  function isSame(sent: object, stored: { steps: object[]; defaults?: object }, areKnown = true) {
    const parsed = parseDefinition({ id: 'w', ...stored }, checks);
    if ('faults' in parsed) throw new Error(JSON.stringify(parsed.faults));
    const { definition } = parsed;
    const given = areKnown ? (definition.defaults ?? {}) : {};
    const original = {
      hasStep: (id: string) => definition.steps.some((step) => step.id === id),
      defaults: given,
    };
    const [step] = added([sent], { steps: definition.steps, definition: original, parent: 'root' });
    return JSON.stringify(step) === JSON.stringify(definition.steps.find(({ id }) => id === step!.id));
  }

  const stored = { steps: [{ id: 'root', url: '/root' }, leaf, nap], defaults };

  test('is the same as it stands there, and in full', () => {
    for (const sent of [{ id: 'root', url: '/root' }, leaf, nap]) expect(isSame(sent, stored)).toBe(true);
    const full = { ...leaf, timeout: 20, headers: { 'x-all': '1', 'x-own': '1' }, runCondition: 'always' };
    expect(isSame({ ...full, parallel: false, forEach: 'context.list' }, stored)).toBe(true);
  });

  test.each([
    { headers: undefined },
    { headers: { 'x-own': '2' } },
    { headers: { 'x-own': '1', 'x-all': '2' } },
    { maxConcurrency: undefined },
    { metadata: { team: 'b' } },
    { retries: { maxAttempts: 4 } },
    { runAfterFailure: false },
    { parallel: true },
    { dependsOn: undefined },
    { parent: 'nap' },
    { timeout: 21 },
  ])('is another one with %j', (fields) => {
    expect(isSame({ ...leaf, ...fields }, stored)).toBe(false);
  });

  test('of a definition whose defaults are not known is compared as without any', () => {
    const { maxConcurrency: _, ...plain } = leaf;
    const unknown = { ...stored, steps: [{ id: 'root', url: '/root' }, plain] };
    const full = { ...plain, ...defaults, headers: { 'x-all': '1', 'x-own': '1' } };
    expect([isSame(plain, unknown), isSame(plain, unknown, false)]).toEqual([true, false]);
    expect([isSame(full, unknown), isSame(full, unknown, false)]).toEqual([true, true]);
  });
});
