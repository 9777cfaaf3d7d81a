import { describe, expect, test } from 'vitest';
import { checks } from '../../test/checks.ts';
import { parseDefinition } from './parse.ts';

function faultsOf(step: object, workflow: object = {}): [string, string][] {
  const steps = [
    { id: 'a', url: '/a' },
    { id: 'x', dependsOn: 'a', ...step },
  ];
  const result = parseDefinition({ id: 'w', ...workflow, steps }, checks);
  return 'faults' in result
    ? result.faults.map(({ path, message }) => [path.replace('steps[1].', ''), message])
    : [];
}

const kinds = {
  sleep: { sleep: 1 },
  waitFor: { waitFor: 'go' },
  workflow: { workflow: 'child' },
} as const;

const settings = {
  timeout: 5,
  slowAfter: 5,
  parallel: false,
  retries: { maxAttempts: 2 },
  headers: { 'x-a': '1' },
  payload: { n: 1 },
  compensation: '/undo',
  delivery: 'at-most-once',
  input: 'none',
  forEach: 'context.items',
} as const;
type Setting = keyof typeof settings;

const all = Object.keys(settings) as Setting[];
const allowed: Record<keyof typeof kinds, Setting[]> = {
  sleep: [],
  waitFor: ['timeout', 'slowAfter'],
  workflow: ['slowAfter', 'payload', 'compensation'],
};

describe.each(Object.entries(kinds))('a step with %s', (kind, own) => {
  const taken = allowed[kind as keyof typeof kinds];

  test.each(taken)('takes %s', (field) => {
    expect(faultsOf({ ...own, [field]: settings[field] })).toEqual([]);
  });

  test.each(all.filter((field) => !taken.includes(field)))(
    'does not take %s, and says what to do instead',
    (field) => {
      const [fault, ...others] = faultsOf({ ...own, [field]: settings[field] });
      expect(others).toEqual([]);
      expect(fault).toEqual([
        field,
        expect.stringMatching(/^has no effect on a step that (sleeps|waits|runs).*: .{10}/),
      ]);
    },
  );

  test('takes what says when it runs, how it fails and what it is called', () => {
    for (const fields of [
      { runCondition: 'always' },
      { join: 'any' },
      { when: 'true' },
      { delay: 1 },
      { runAt: '2030-01-31T09:00:00Z' },
      { failurePolicy: 'continue' },
      { continueOnFailure: true },
      { metadata: { k: 'v' } },
      { parallel: true },
    ]) {
      expect(faultsOf({ ...own, ...fields })).toEqual([]);
    }
  });
});

test('every one at once', () => {
  const paths = faultsOf({ ...kinds.sleep, ...settings }).map(([path]) => path);
  expect(paths.sort()).toEqual([...all].sort());
});

describe('waits', () => {
  test('one timeout is enough', () => {
    const both = { waitFor: { signal: 'go', timeout: 5 }, timeout: 5 };
    expect(faultsOf(both)).toEqual([['timeout', 'timeout and waitFor.timeout say the same: keep one']]);
  });

  test('a default that is never taken', () => {
    const message = 'is never taken: say in waitFor.timeout after how long';
    expect(faultsOf({ waitFor: { signal: 'go', default: 1 } })).toEqual([['waitFor.default', message]]);
  });
});

test.each([[[]], ['text'], [null], [1]])('the context of a sub-workflow is an object, not %j', (payload) => {
  expect(faultsOf({ workflow: 'child', payload })).toEqual([
    ['payload', 'is the context of a run: write an object'],
  ]);
});

describe('requests', () => {
  test.each<[object, string[]]>([
    [{ maxConcurrency: 5 }, ['maxConcurrency']],
    [{ toleratedFailures: 0 }, ['toleratedFailures']],
    [{ maxConcurrency: 5, toleratedFailures: '5%' }, ['maxConcurrency', 'toleratedFailures']],
    [{ maxConcurrency: 5, toleratedFailures: '5%', forEach: 'context.l' }, []],
  ])('of a fan-out, without one: %j', (fields, paths) => {
    const message = 'has no effect without forEach: leave it out, or say in forEach over which list';
    expect(faultsOf({ url: '/x', ...fields })).toEqual(paths.map((path) => [path, message]));
  });

  test('the list may be one of defaults, which reach no step without a url', () => {
    const defaults = { forEach: 'context.l' };
    expect(faultsOf({ url: '/x', maxConcurrency: 5 }, { defaults })).toEqual([]);
    expect(faultsOf({ sleep: 1, maxConcurrency: 5 }, { defaults }).map(([path]) => path)).toEqual([
      'maxConcurrency',
    ]);
  });

  test.each<[object, string[]]>([
    [{ retries: { maxAttempts: 1 } }, []],
    [{ retries: {} }, []],
    [{ failurePolicy: 'continue' }, []],
    [{ retries: { maxAttempts: 2 } }, ['retries.maxAttempts']],
    [{ retries: { maxAttempts: 1, delays: [1] } }, ['retries.delays']],
    [{ retries: { retryOn: [500], backoff: 'fixed' } }, ['retries.backoff', 'retries.retryOn']],
    [{ failurePolicy: 'retry' }, ['failurePolicy']],
  ])('at most once: %j', (fields, paths) => {
    const faults = faultsOf({ url: '/x', delivery: 'at-most-once', ...fields });
    expect(faults.map(([path]) => path)).toEqual(paths);
    for (const [, message] of faults) expect(message).toMatch(/^delivery "at-most-once" makes one attempt/);
    expect(faultsOf({ url: '/x', delivery: 'at-least-once', ...fields })).toEqual([]);
  });

  test.each([
    ['none', 0],
    ['dependencies', 1],
    [['a'], 1],
  ])('input %j of a root', (input, count) => {
    const faults = faultsOf({ url: '/x', dependsOn: [], input }).filter(([path]) => path === 'input');
    expect(faults).toHaveLength(count as number);
  });
});
