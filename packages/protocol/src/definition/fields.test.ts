import { describe, expect, test } from 'vitest';
import { checks } from '../../test/checks.ts';
import { parseDefinition } from './parse.ts';

/** A workflow of a root `a` and one step below it. */
const workflowWith = (step: object, workflow: object = {}) => ({
  id: 'w',
  ...workflow,
  steps: [
    { id: 'a', url: '/a' },
    { id: 'x', dependsOn: 'a', ...step },
  ],
});

function faultsOf(input: unknown): Record<string, string> {
  const result = parseDefinition(input, checks);
  if ('definition' in result) return {};
  return Object.fromEntries(result.faults.map(({ path, message }) => [path, message]));
}

function parse(input: unknown) {
  const result = parseDefinition(input, checks);
  if ('faults' in result) throw new Error(JSON.stringify(result.faults));
  return result.definition;
}

test('a definition without new fields is stored as ever: its versions keep their hash', () => {
  const { steps, ...workflow } = parse({
    id: 'w',
    failurePolicy: 'retry',
    retryRounds: 2,
    tags: ['t'],
    steps: [
      {
        id: 'a',
        url: '/a',
        compensation: '/undo',
        headers: { 'x-a': '1' },
        payload: { n: 1 },
        metadata: { k: 'v' },
      },
      { id: 'b', url: '/b', dependsOn: 'a', runAfterFailure: true, delay: 1, continueOnFailure: true },
    ],
  });
  const retries =
    '"retries":{"maxAttempts":3,"backoff":"exponential","initialDelay":1,"maxDelay":3600,"factor":2,"jitter":true},"timeout":300';
  expect(JSON.stringify(workflow)).toBe(
    '{"id":"w","timeout":86400,"saga":false,"failurePolicy":"retry","retryRounds":2,"tags":["t"]}',
  );
  expect(JSON.stringify(steps[0])).toBe(
    `{"id":"a","url":"https://handlers.test/a","dependsOn":[],"parallel":false,${retries},"compensation":"https://handlers.test/undo","payload":{"n":1},"headers":{"x-a":"1"},"metadata":{"k":"v"}}`,
  );
  expect(JSON.stringify(steps[1])).toBe(
    `{"id":"b","url":"https://handlers.test/b","dependsOn":["a"],"parallel":false,${retries},"runCondition":"always","delay":1,"failurePolicy":"continue"}`,
  );
});

test.each<[string, object]>([
  ['true', {}],
  ['context.a', {}],
  ['context.a ? true : 1', {}],
  ['!context.a || has(context.b)', {}],
  ['context.list.exists(x, x > 1)', {}],
  ['steps.a.state == "running"', { runCondition: 'inProgress' }],
  ['steps.a.result.ok', { runCondition: 'always' }],
])('%s may be true with %j', (when, fields) => {
  expect(faultsOf(workflowWith({ url: '/x', when, ...fields }))).toEqual({});
});

test.each(['context.list', '[1, 2]', 'context.list.map(x, x)', 'context.a + context.b', 'steps.a.result'])(
  '%s may be a list',
  (forEach) => {
    expect(faultsOf(workflowWith({ url: '/x', forEach }))).toEqual({});
  },
);

describe('what is accepted, and what the engine gets', () => {
  test.each<[object, object]>([
    [{ sleep: '5m' }, { sleep: 300 }],
    [{ waitFor: 'approval' }, { waitFor: { signal: 'approval' } }],
    [{ waitFor: 'approval', timeout: '1h' }, { waitFor: { signal: 'approval', timeout: 3600 } }],
    [{ waitFor: { signal: 's', timeout: 5 } }, { waitFor: { signal: 's', timeout: 5 } }],
    [
      { waitFor: { signal: 's', default: null }, timeout: 7 },
      { waitFor: { signal: 's', timeout: 7, default: null } },
    ],
    [
      { workflow: 'child', payload: { n: 1 } },
      { workflow: 'child', payload: { n: 1 } },
    ],
    [{ url: '/x', when: 'context.n > 1' }, { when: 'context.n > 1' }],
    [
      { url: '/x', forEach: 'steps.a.result', maxConcurrency: 5, toleratedFailures: 0 },
      { forEach: 'steps.a.result', maxConcurrency: 5, toleratedFailures: 0 },
    ],
    [{ url: '/x', forEach: 'context.l', toleratedFailures: '10%' }, { toleratedFailures: '10%' }],
    [{ url: '/x', delivery: 'at-most-once' }, { delivery: 'at-most-once' }],
    [
      { url: '/x', input: 'none', slowAfter: '2s' },
      { input: 'none', slowAfter: 2 },
    ],
    [{ url: '/x', input: ['a'] }, { input: ['a'] }],
    [
      { workflow: 'child', slowAfter: 1, when: 'true', delay: 1 },
      { slowAfter: 1, when: 'true', delay: 1 },
    ],
  ])('%j', (fields, expected) => {
    expect(faultsOf(workflowWith(fields))).toEqual({});
    expect(parse(workflowWith(fields)).steps[1]).toMatchObject(expected);
  });

  test('nothing that was not asked for', () => {
    const { steps, maxConcurrency } = parse(
      workflowWith({ sleep: 1, delivery: undefined }, { maxConcurrency: 7 }),
    );
    expect(maxConcurrency).toBe(7);
    const stored = ['id', 'sleep', 'dependsOn', 'parallel', 'retries', 'timeout'];
    expect(Object.keys(JSON.parse(JSON.stringify(steps[1])))).toEqual(stored);
    const atLeastOnce = parse(workflowWith({ url: '/x', delivery: 'at-least-once' })).steps[1];
    expect(atLeastOnce).not.toHaveProperty('delivery');
  });

  test('defaults about requests reach steps that make requests, the others reach all', () => {
    const defaults = {
      parallel: false,
      retries: { maxAttempts: 9 },
      timeout: 5,
      headers: { 'x-a': '1' },
      payload: { n: 1 },
      metadata: { team: 'a' },
      failurePolicy: 'continue',
    };
    for (const kind of [{ sleep: 1 }, { waitFor: 's' }, { workflow: 'child' }]) {
      const [request, step] = parse(workflowWith(kind, { defaults })).steps;
      expect(request).toMatchObject({ ...defaults, retries: { maxAttempts: 9 } });
      expect(step).toMatchObject({
        metadata: { team: 'a' },
        failurePolicy: 'continue',
        parallel: true,
        timeout: 300,
      });
      expect(step).toHaveProperty('retries.maxAttempts', 3);
      expect(step).not.toHaveProperty('payload');
      expect(step).not.toHaveProperty('headers');
      expect(step?.waitFor ?? {}).not.toHaveProperty('timeout');
    }
  });

  test('at most once is one attempt, whatever defaults and the policy of the workflow say', () => {
    const once = { url: '/x', delivery: 'at-most-once' };
    const defaults = { retries: { maxAttempts: 5 } };
    const policyOf = (step: object, workflow: object) => parse(workflowWith(step, workflow)).steps[1]!;
    expect(policyOf(once, { defaults }).retries.maxAttempts).toBe(1);
    expect(policyOf(once, { failurePolicy: 'retry' }).failurePolicy).toBe('fail');
    expect(policyOf(once, { defaults: { failurePolicy: 'retry' } }).failurePolicy).toBe('fail');
    expect(policyOf(once, { failurePolicy: 'continue' })).not.toHaveProperty('failurePolicy');
    expect(policyOf({ ...once, continueOnFailure: true }, { failurePolicy: 'retry' }).failurePolicy).toBe(
      'continue',
    );
  });
});

describe('what is not', () => {
  test.each<[object, string, string | RegExp]>([
    [{}, 'url', 'missing: a step has a url, or instead of it sleep, waitFor or workflow'],
    [{ retries: { tries: 1 } }, 'url', /^missing/],
    [
      { url: '/x', sleep: 1 },
      'sleep',
      'url and sleep exclude each other: a step does one thing; make two steps of it',
    ],
    [{ waitFor: 's', workflow: 'w', sleep: 1 }, 'workflow', /^sleep and waitFor and workflow exclude/],
    [{ sleep: 0 }, 'sleep', /0\.001/],
    [{ sleep: 'a while' }, 'sleep', /"5m"/],
    [{ waitFor: 'a b' }, 'waitFor', /^must be 1 to 128 of the characters/],
    [{ waitFor: 1 }, 'waitFor', /^must be the name of a signal/],
    [{ waitFor: { signal: 's', tiemout: 1 } }, 'waitFor.tiemout', 'unknown field'],
    [{ waitFor: { signal: 's', timeout: 0 } }, 'waitFor', /timeout \(0\.001 s/],
    [{ workflow: 'run_x' }, 'workflow', /run_/],
    [{ url: '/x', when: '' }, 'when', 'line 1, column 1: the end is not expected here'],
    [{ url: '/x', when: 'context.n >' }, 'when', /^line 1, column 11: /],
    [{ url: '/x', when: 'n' }, 'when', /unknown name "n"/],
    [{ url: '/x', when: 1 }, 'when', /string/],
    [{ url: '/x', when: '1 + 2' }, 'when', /^is never true or false: compare it/],
    [{ url: '/x', when: 'size(context.list)' }, 'when', /^is never true or false/],
    [{ url: '/x', when: 'context.a ? "yes" : "no"' }, 'when', /^is never true or false/],
    [{ url: '/x', when: '[context.a]' }, 'when', /^is never true or false/],
    [{ url: '/x', forEach: '"a,b"' }, 'forEach', /^is never a list: write one/],
    [{ url: '/x', forEach: 'context.a > 1' }, 'forEach', /^is never a list/],
    [{ url: '/x', forEach: '{"a": 1}' }, 'forEach', /^is never a list/],
    [{ url: '/x', forEach: '[1.0][0]' }, 'forEach', /^is never a list/],
    [{ url: '/x', when: '!1.0' }, 'when', /^is never true or false/],
    [{ url: '/x', runCondition: 'inProgress', when: 'steps.a.result.ok' }, 'when', /"a" has no result yet/],
    [{ url: '/x', when: '"\u0000" == ""' }, 'when', /U\+0000/],
    [
      { url: '/x', when: `"${'a'.repeat(1000)}" == ""` },
      'when',
      'is 1008 characters, above expressionCharsMax 1000',
    ],
    [{ url: '/x', forEach: '[1' }, 'forEach', /^line 1, column/],
    [{ url: '/x', forEach: '[1]', maxConcurrency: 0 }, 'maxConcurrency', />=1/],
    [{ url: '/x', forEach: '[1]', maxConcurrency: 10_001 }, 'maxConcurrency', /<=10000/],
    [{ url: '/x', forEach: '[1]', toleratedFailures: '101%' }, 'toleratedFailures', /^must be a count/],
    [{ url: '/x', forEach: '[1]', toleratedFailures: -1 }, 'toleratedFailures', /^must be a count/],
    [{ url: '/x', delivery: 'exactly-once' }, 'delivery', /at-most-once/],
    [{ url: '/x', input: 'all' }, 'input', /^must be "dependencies", "none"/],
    [{ url: '/x', input: [] }, 'input', /^must be "dependencies", "none"/],
    [{ url: '/x', slowAfter: 0 }, 'slowAfter', /0\.001/],
    [{ url: '/x', whne: 'true' }, 'whne', 'unknown field'],
  ])('%j', (fields, field, message) => {
    expect(faultsOf(workflowWith(fields))).toHaveProperty(
      [`steps[1].${field}`],
      expect.stringMatching(message),
    );
  });

  test('maxConcurrency of a workflow', () => {
    expect(faultsOf(workflowWith({ url: '/x' }, { maxConcurrency: 0 }))).toHaveProperty('maxConcurrency');
  });
});

describe('steps that are read are above', () => {
  const diamond = (fields: object) => ({
    id: 'w',
    steps: [
      { id: 'a', url: '/a' },
      { id: 'b-1', url: '/b', dependsOn: 'a' },
      { id: 'beside', url: '/s', dependsOn: 'a' },
      { id: 'x', url: '/x', dependsOn: 'b-1', ...fields },
      { id: 'below', url: '/d', dependsOn: 'x' },
    ],
  });

  test.each([
    { when: 'steps.a.result.ok && steps["b-1"].state == "completed"' },
    { forEach: 'steps.a.result' },
    { input: ['a', 'b-1'] },
  ])('%j', (fields) => {
    expect(faultsOf(diamond(fields))).toEqual({});
  });

  test.each<[object, string, string]>([
    [
      { when: 'steps.beside.result' },
      'when',
      'step "beside" is not above "x": add it to dependsOn, or do not read it',
    ],
    [{ when: 'steps.below.result' }, 'when', 'step "below" is not above "x"'],
    [{ when: 'steps.x.result' }, 'when', 'step "x" is not above "x"'],
    [{ forEach: 'steps.nowhere.result' }, 'forEach', 'unknown step "nowhere"'],
    [{ input: ['a', 'beside'] }, 'input[1]', 'step "beside" is not above "x"'],
    [{ input: ['a', 'a'] }, 'input[1]', '"a" is named twice'],
  ])('%j is a fault', (fields, field, message) => {
    expect(faultsOf(diamond(fields))).toEqual({ [`steps[3].${field}`]: expect.stringContaining(message) });
  });

  test('a bad expression is named beside other faults, those of the graph included', () => {
    const found = faultsOf(workflowWith({ url: '/x', dependsOn: ['x'], when: '(', sleep: 1, more: 1 }));
    expect(Object.keys(found).sort()).toEqual(
      ['dependsOn[0]', 'more', 'sleep', 'when'].map((field) => `steps[1].${field}`),
    );
  });

  test('ten thousand steps in a row, each reading all it can in 90 characters', () => {
    const steps = Array.from({ length: 10_000 }, (_, at) => {
      const above = [Math.floor(at / 2), at - 1].filter((place) => place >= 0 && place < at);
      const when = ['true', ...above.map((place) => `steps.s${place}.result != ${at}`)].join(' && ');
      return { id: `s${at}`, url: '/s', when, ...(at > 0 ? { dependsOn: `s${at - 1}` } : {}) };
    });
    expect(faultsOf({ id: 'w', steps })).toEqual({});
    const faulty = steps.with(9000, { ...steps[9000]!, when: 'steps.s9001.result' });
    expect(Object.keys(faultsOf({ id: 'w', steps: faulty }))).toEqual(['steps[9000].when']);
  });
});

describe('defaults take every field but what one step is', () => {
  const settings = {
    compensation: '/undo',
    runCondition: 'always',
    when: 'context.x == 1',
    delay: '5s',
    delivery: 'at-most-once',
    input: 'dependencies',
    slowAfter: 3,
  };
  const fanOut = { maxConcurrency: 2, toleratedFailures: 1 };
  const of = (steps: object[], defaults: object) =>
    parse({ id: 'w', timeout: 1000, defaults, steps }).steps as unknown as Record<string, unknown>[];
  const root = { id: 'a', url: '/a' };
  const child = { id: 'b', url: '/b', dependsOn: 'a' };

  test('each reaches the steps on which it has an effect', () => {
    const [a, b] = of([root, child], settings);
    expect(b).toMatchObject({
      compensation: 'https://handlers.test/undo',
      runCondition: 'always',
      when: 'context.x == 1',
      delay: 5,
      delivery: 'at-most-once',
      retries: { maxAttempts: 1 },
      input: 'dependencies',
      slowAfter: 3,
    });
    for (const field of ['runCondition', 'input']) expect(a).not.toHaveProperty(field);
    const [list, other] = of([{ ...root, forEach: 'context.list' }, child], { ...settings, ...fanOut });
    expect(list).toMatchObject(fanOut);
    for (const field of Object.keys(fanOut)) expect(other).not.toHaveProperty(field);
    const [, sleep] = of([root, { id: 's', sleep: 1, dependsOn: 'a' }], settings);
    expect(sleep).toMatchObject({ sleep: 1, runCondition: 'always', delay: 5 });
    for (const field of ['delivery', 'input', 'slowAfter']) expect(sleep).not.toHaveProperty(field);
  });

  test.each([
    [{ join: 'any' }, { runCondition: 'always' }, { join: 1, runCondition: undefined }],
    [{ runAfterFailure: false }, { runCondition: 'always' }, { runCondition: undefined }],
    [{ runAt: '2030-01-31T09:00:00Z' }, { delay: 5 }, { delay: undefined }],
    [{ continueOnFailure: false }, { failurePolicy: 'retry' }, { failurePolicy: undefined }],
    [{}, { join: { atLeast: 2 } }, { join: undefined }],
    [{ dependsOn: ['a', 'c'] }, { join: { atLeast: 2 } }, { join: 2 }],
  ])('a step that says %j has nothing like it of %j', (said, defaults, expected) => {
    const step = of([root, { id: 'c', url: '/c' }, { ...child, ...said }], defaults)[2]!;
    for (const [field, value] of Object.entries(expected)) expect(step[field]).toEqual(value);
  });

  test.each<[object, object[], Record<string, unknown>]>([
    [
      { runCondition: 'always', join: 'any' },
      [root],
      { 'defaults.join': expect.stringMatching(/exclude each other/) },
    ],
    [
      { delay: 1, runAt: '2030-01-31T09:00:00Z' },
      [root],
      { 'defaults.runAt': expect.stringMatching(/exclude/) },
    ],
    [{ when: '1 +' }, [root, child], { 'defaults.when': expect.stringMatching(/^line 1/) }],
    [{ input: ['a'] }, [root, child, { ...child, id: 'c' }], {}],
    [
      { input: ['c'] },
      [root, child, { id: 'c', url: '/c' }],
      { 'defaults.input[0]': expect.stringMatching(/not above/) },
    ],
    [
      { id: 'x', dependsOn: 'a' },
      [root],
      { 'defaults.id': 'unknown field', 'defaults.dependsOn': 'unknown field' },
    ],
    [{ compensation: 'undo' }, [root], { 'defaults.compensation': expect.stringMatching(/not a URL/) }],
    [
      { delivery: 'at-most-once' },
      [{ ...root, retries: { maxAttempts: 3 } }],
      { 'steps[0].retries.maxAttempts': expect.stringMatching(/makes one attempt/) },
    ],
    [{ delivery: 'at-most-once' }, [{ ...root, retries: { maxAttempts: 1 } }], {}],
    [
      { delivery: 'at-most-once' },
      [{ ...root, failurePolicy: 'retry' }],
      { 'steps[0].failurePolicy': expect.stringMatching(/use "fail" or "continue"/) },
    ],
    [{ delivery: 'at-most-once', retries: {} }, [root], {}],
    [
      fanOut,
      [root, { id: 's', sleep: 1, forEach: undefined }],
      {
        'defaults.maxConcurrency': expect.stringMatching(/^has no effect without forEach: leave/),
        'defaults.toleratedFailures': expect.stringMatching(/^has no effect without forEach: leave/),
      },
    ],
    [fanOut, [root, { ...child, forEach: 'context.list' }], {}],
    [{ ...fanOut, forEach: 'context.list' }, [root], {}],
    [{ delay: 1001 }, [root], { 'defaults.delay': expect.stringMatching(/timeout is 1000 s/) }],
  ])('%j with %j: %j', (defaults, steps, expected) => {
    const result = parseDefinition({ id: 'w', timeout: 1000, defaults, steps }, checks);
    const faults = 'faults' in result ? result.faults : [];
    expect(Object.fromEntries(faults.map(({ path, message }) => [path, message]))).toEqual(expected);
  });
});
